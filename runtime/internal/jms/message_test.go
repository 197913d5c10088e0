package jms

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"testing"
	"time"
)

// recorded is a message that a WSO2 JMS client published, with what a JMS
// subscriber read from it.
type recorded struct {
	Name            string
	Encoding        string
	ContentType     string
	TimestampMillis int64
	BodyHex         string
	Map             map[string]struct {
		Type  string
		Value any
	} `json:"jms_map"`
	Text *string `json:"jms_text"`
}

func recordings(t testing.TB) []recorded {
	t.Helper()
	data, err := os.ReadFile("testdata/jms-messages.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Messages []recorded }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return file.Messages
}

func (r recorded) body(t testing.TB) []byte {
	t.Helper()
	body, err := hex.DecodeString(r.BodyHex)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func TestRecordedMessagesAreReadAsAJMSClientReadsThem(t *testing.T) {
	for _, r := range recordings(t) {
		t.Run(r.Encoding+" "+r.Name, func(t *testing.T) {
			m, err := decodeBody(r.ContentType, r.body(t))
			if r.Map == nil && r.Text == nil {
				if err == nil {
					t.Errorf("read as %+v", m)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if r.Text != nil {
				if m.Map != nil || string(m.Text) != *r.Text {
					t.Errorf("text %q", m.Text)
				}
				return
			}
			want := map[string]any{}
			for name, field := range r.Map {
				want[name] = field.Value
				if number, ok := field.Value.(float64); ok {
					want[name] = int64(number)
				}
			}
			if !reflect.DeepEqual(m.Map, want) {
				t.Errorf("got %v, want %v", m.Map, want)
			}
		})
	}
}

func TestMillisecondsAreRecoveredFromTheTimestamp(t *testing.T) {
	for in, want := range map[int64]int64{1795293842102: 1795293842102, 1795293842: 1795293842000} {
		if got := sentAt(time.Unix(in, 0)).UnixMilli(); got != want {
			t.Errorf("%d: %d, want %d", in, got, want)
		}
	}
	if !sentAt(time.Time{}).IsZero() || !sentAt(time.Unix(0, 0)).IsZero() {
		t.Error("no timestamp became one")
	}
}

func TestEncodedMapsAreReadBack(t *testing.T) {
	fields := map[string]any{"throttleKey": "k\x00é", "isThrottled": true, "no": false, "expiryTimeStamp": int64(-1700000040000), "evaluatedConditions": nil}
	body, err := encodeMap(fields)
	if err != nil {
		t.Fatal(err)
	}
	m, err := decodeBody(mapType, body)
	if err != nil || !reflect.DeepEqual(m.Map, fields) {
		t.Errorf("%v, %v", m.Map, err)
	}
	if _, err := encodeMap(map[string]any{"x": 1.5}); err == nil {
		t.Error("a type without encoding was encoded")
	}
}

func TestEveryTypeOfAMapIsRead(t *testing.T) {
	for body, want := range map[string]any{
		"01 ff":                               int64(-1),
		"02 ff":                               int64(255),
		"04 41":                               "A",
		"11 fffe":                             int64(-2),
		"12 fffe":                             int64(65534),
		"22 ffffffff":                         int64(4294967295),
		"23 3fc00000":                         1.5,
		"32 ffffffffffffffff":                 int64(9223372036854775807),
		"33 3ff8000000000000":                 1.5,
		"38 0000000000000007":                 int64(7),
		"84 01 e9":                            "é",
		"95 0002 c3a9":                        "é",
		"96 0002 00e9":                        "é",
		"a0 00000002 0102":                    []byte{1, 2},
		"48 00112233445566778899aabbccddeeff": []byte("\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"),
		"a8 00000004 00000000":                []byte{0, 0, 0, 0},
		"f1":                                  true,
	} {
		entry := unhex(t, "01 6b "+body)
		m, err := decodeMap(append([]byte{0, 0, 0, byte(len(entry) + 4), 0, 0, 0, 1}, entry...))
		if err != nil || !reflect.DeepEqual(m["k"], want) {
			t.Errorf("%s: %v, %v, want %v", body, m["k"], err, want)
		}
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	var digits []byte
	for i := range len(s) {
		if s[i] != ' ' {
			digits = append(digits, s[i])
		}
	}
	b, err := hex.DecodeString(string(digits))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// FuzzDecodeBody holds that no body panics, and none takes memory out of
// proportion: an entry of a map has at least two bytes.
func FuzzDecodeBody(f *testing.F) {
	for _, r := range recordings(f) {
		f.Add(r.ContentType, r.body(f))
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		m, err := decodeBody(contentType, body)
		if err == nil && len(m.Map) > len(body) {
			t.Errorf("%d entries from %d bytes", len(m.Map), len(body))
		}
	})
}
