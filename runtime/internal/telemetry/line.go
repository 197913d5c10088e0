package telemetry

import (
	"strconv"
	"time"
	"unicode/utf8"

	"mgw/runtime/internal/exchange"
)

// Bounds of what a line repeats: long values end in "...".
const (
	maxPath  = 1024
	maxValue = 256
	// maxLine is more than any line takes: each byte may become four or six.
	maxLine = 16 << 10
)

// line is the memory that one line is made in.
type line struct {
	buf    []byte
	second int64 // that stamp tells
	stamp  []byte
}

// start empties the line and writes what stands before the time, and the time
// of day in UTC to the millisecond. The text of a second is made once.
func (l *line) start(at int64, before string) {
	at = max(at, 0)
	if second := at / int64(time.Second); second != l.second || l.stamp == nil {
		l.second = second
		l.stamp = time.Unix(second, 0).UTC().AppendFormat(l.stamp[:0], "2006-01-02T15:04:05.")
	}
	millis := at / int64(time.Millisecond) % 1000
	l.buf = append(append(l.buf[:0], before...), l.stamp...)
	l.buf = append(l.buf, byte('0'+millis/100), byte('0'+millis/10%10), byte('0'+millis%10))
}

// text makes a line in the manner of the common log format, the time first:
//
//	2026-11-21T22:58:01.250Z 10.0.0.1 "GET /pets HTTP/1.1" 429 131 0.000412 api="Petstore:1.0.0" ...
func (l *line) text(x *exchange.Exchange, now int64) {
	l.start(x.Start, "")
	l.buf = append(l.buf, 'Z', ' ')
	l.address(x)
	l.buf = append(l.buf, ` "`...)
	appendText(l, x.Method, maxValue)
	l.buf = append(l.buf, ' ')
	appendText(l, x.Path, maxPath)
	l.buf = append(l.buf, " HTTP/"...)
	l.buf = strconv.AppendInt(l.buf, int64(x.Major), 10)
	l.buf = append(l.buf, '.')
	l.buf = strconv.AppendInt(l.buf, int64(x.Minor), 10)
	l.buf = append(l.buf, `" `...)
	l.buf = strconv.AppendInt(l.buf, int64(x.Status), 10)
	l.buf = append(l.buf, ' ')
	l.buf = strconv.AppendInt(l.buf, x.BytesOut, 10)
	l.buf = append(l.buf, ' ')
	l.duration(now-x.Start, time.Second, 6)
	l.textDetails(x)
	l.buf = append(l.buf, '\n')
}

func (l *line) textDetails(x *exchange.Exchange) {
	if x.API != nil {
		l.buf = append(l.buf, ` api="`...)
		appendText(l, x.API.Name, maxValue)
		l.buf = append(l.buf, ':')
		appendText(l, x.API.Version, maxValue)
		l.buf = append(l.buf, '"')
	}
	l.textPair(` application="`, application(x))
	if x.Code != 0 {
		l.buf = append(l.buf, " code="...)
		l.buf = strconv.AppendInt(l.buf, int64(x.Code), 10)
	}
	l.textPair(` level="`, x.Level)
	l.textPair(` backend="`, x.Backend)
	if x.Aborted {
		l.buf = append(l.buf, " aborted"...)
	}
}

func (l *line) textPair(key, value string) {
	if value != "" {
		l.buf = append(l.buf, key...)
		appendText(l, value, maxValue)
		l.buf = append(l.buf, '"')
	}
}

// json makes a line that is a JSON object.
func (l *line) json(x *exchange.Exchange, now int64) {
	l.start(x.Start, `{"time":"`)
	l.buf = append(l.buf, `Z","client":"`...)
	l.address(x)
	l.buf = append(l.buf, `","method":"`...)
	appendJSON(l, x.Method, maxValue)
	l.buf = append(l.buf, `","path":"`...)
	appendJSON(l, x.Path, maxPath)
	l.buf = append(l.buf, `","status":`...)
	l.buf = strconv.AppendInt(l.buf, int64(x.Status), 10)
	l.buf = append(l.buf, `,"bytes":`...)
	l.buf = strconv.AppendInt(l.buf, x.BytesOut, 10)
	l.buf = append(l.buf, `,"ms":`...)
	l.duration(now-x.Start, time.Millisecond, 3)
	l.jsonDetails(x)
	l.buf = append(l.buf, "}\n"...)
}

func (l *line) jsonDetails(x *exchange.Exchange) {
	if x.API != nil {
		l.buf = append(l.buf, `,"api":"`...)
		appendJSON(l, x.API.Name, maxValue)
		l.buf = append(l.buf, ':')
		appendJSON(l, x.API.Version, maxValue)
		l.buf = append(l.buf, '"')
	}
	l.jsonPair(`,"application":"`, application(x))
	if x.Code != 0 {
		l.buf = append(l.buf, `,"code":`...)
		l.buf = strconv.AppendInt(l.buf, int64(x.Code), 10)
	}
	l.jsonPair(`,"level":"`, x.Level)
	l.jsonPair(`,"backend":"`, x.Backend)
	if x.Aborted {
		l.buf = append(l.buf, `,"aborted":true`...)
	}
}

func (l *line) jsonPair(key, value string) {
	if value != "" {
		l.buf = append(l.buf, key...)
		appendJSON(l, value, maxValue)
		l.buf = append(l.buf, '"')
	}
}

func (l *line) address(x *exchange.Exchange) {
	if !x.Address.IsValid() {
		l.buf = append(l.buf, '-')
		return
	}
	l.buf = x.Address.WithZone("").AppendTo(l.buf)
}

// application is whose request it was, "" for nobody's.
func application(x *exchange.Exchange) string {
	if x.Grant == nil || x.Grant.Principal == nil || x.Grant.Principal.Kind == exchange.Anonymous {
		return ""
	}
	return x.Grant.Principal.Application.ID
}

// duration appends d in units with that many decimals, rounded down.
func (l *line) duration(d int64, unit time.Duration, decimals int) {
	d = max(d, 0)
	l.buf = strconv.AppendInt(l.buf, d/int64(unit), 10)
	l.buf = append(l.buf, '.')
	rest := d % int64(unit)
	for range decimals {
		rest *= 10
		l.buf = append(l.buf, byte('0'+rest/int64(unit)))
		rest %= int64(unit)
	}
}

const hex = "0123456789abcdef"

// appendText escapes what would end a quoted value or a line, and all that is
// not ASCII. An empty value is a dash.
func appendText[T string | []byte](l *line, s T, most int) {
	if len(s) == 0 {
		l.buf = append(l.buf, '-')
		return
	}
	for i := range min(len(s), most) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			l.buf = append(l.buf, '\\', c)
		case c < ' ' || c >= 0x7f:
			l.buf = append(l.buf, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			l.buf = append(l.buf, c)
		}
	}
	if len(s) > most {
		l.buf = append(l.buf, "..."...)
	}
}

// appendJSON escapes as RFC 8259 section 7 asks; bytes that are not UTF-8
// become U+FFFD.
func appendJSON[T string | []byte](l *line, s T, most int) {
	cut := len(s) > most
	s = s[:min(len(s), most)]
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c == '"' || c == '\\':
				l.buf = append(l.buf, '\\', c)
			case c < ' ' || c == 0x7f:
				l.buf = append(l.buf, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
			default:
				l.buf = append(l.buf, c)
			}
			continue
		}
		r, size := decodeRune(s[i:])
		i += size
		if r == utf8.RuneError && size == 1 {
			l.buf = append(l.buf, `\ufffd`...)
			continue
		}
		if r < 0xa0 { // C1 controls: terminals obey them
			l.buf = append(l.buf, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
			continue
		}
		l.buf = utf8.AppendRune(l.buf, r)
	}
	if cut {
		l.buf = append(l.buf, "..."...)
	}
}

// decodeRune copies the few bytes of a character, which serves strings and
// slices alike.
func decodeRune[T string | []byte](s T) (rune, int) {
	var b [utf8.UTFMax]byte
	return utf8.DecodeRune(b[:copy(b[:], s)])
}
