package validate

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestBodiesAreReadStrictly(t *testing.T) {
	many := func(name func(i int) string) string {
		var b strings.Builder
		for i := range 20 {
			b.WriteString(`"` + name(i) + `":1,`)
		}
		return "{" + strings.TrimSuffix(b.String(), ",") + "}"
	}
	letters := func(i int) string { return string(rune('a' + i)) }
	for _, tc := range []struct {
		name, body string
		want       error
	}{
		{"object", ` {"a": [1, -2.5e+3, true, false, null, "x\n\u00e9\ud83d\ude00"], "": {}} `, nil},
		{"scalar", `0`, nil},
		{"as deep as may be", strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth), nil},
		{"deeper", strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1), errDepth},
		{"much deeper, objects", strings.Repeat(`{"a":`, 100_000), errDepth},
		{"nothing", ``, errSyntax},
		{"spaces only", " \n", errSyntax},
		{"two values", `{} {}`, errTrailing},
		{"a byte after it", `{}x`, errTrailing},
		{"NUL after it", "{}\x00", errTrailing},
		{"comma at the end of a list", `[1,]`, errSyntax},
		{"comma at the end of an object", `{"a":1,}`, errSyntax},
		{"comma alone", `[,]`, errSyntax},
		{"no colon", `{"a" 1}`, errSyntax},
		{"no end", `{"a":[1`, errSyntax},
		{"wrong bracket", `[1}`, errSyntax},
		{"comment", `{/**/}`, errSyntax},
		{"single quotes", `{'a':1}`, errSyntax},
		{"name without quotes", `{a:1}`, errSyntax},
		{"NaN", `NaN`, errSyntax},
		{"half a word", `tru`, errSyntax},
		{"leading zero", `01`, errTrailing},
		{"minus alone", `-`, errSyntax},
		{"plus", `+1`, errSyntax},
		{"dot alone", `1.`, errSyntax},
		{"exponent alone", `1e`, errSyntax},
		{"long exponent", `1e99999999999999999999`, errNumber},
		{"largest exponent", `1e400`, nil},
		{"long number", strings.Repeat("9", maxNumber+1), errNumber},
		{"newline in a string", "\"a\nb\"", errSyntax},
		{"unknown escape", `"\x41"`, errSyntax},
		{"half an escape", `"\u00e"`, errSyntax},
		{"half a surrogate pair", `"\ud83d"`, errSyntax},
		{"surrogates in the wrong order", `"\ude00\ud83d"`, errSyntax},
		{"invalid UTF-8", "\"\xff\"", errUTF8},
		{"overlong UTF-8", "\"\xc0\xaf\"", errUTF8},
		{"byte order mark", "\xef\xbb\xbf{}", errSyntax},
		{"name twice", `{"a":1,"a":2}`, errDuplicate},
		{"name twice, escaped", `{"role":"user","\u0072ole":"admin"}`, errDuplicate},
		{"name twice, deep inside", `[[{"b":{"x":1,"y":2,"x":3}}]]`, errDuplicate},
		{"many names", many(letters), nil},
		{"one of many names twice", many(func(i int) string { return letters(i % 19) }), errDuplicate},
		{"same name in two objects", `[{"a":1},{"a":1}]`, nil},
	} {
		var d document
		if err := d.parse([]byte(tc.body)); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", tc.name, err)
		}
		if tc.want == nil && !json.Valid([]byte(tc.body)) {
			t.Errorf("%s is no JSON", tc.name)
		}
	}
}

func TestNodesLeadThroughTheDocument(t *testing.T) {
	var d document
	if err := d.parse([]byte(`{"a":[1,{"b":2}],"c\u0064":"\"\ud83d\ude00\/"}`)); err != nil {
		t.Fatal(err)
	}
	if root := d.nodes[0]; root.count != 2 || int(root.next) != len(d.nodes) || len(d.nodes) != 9 {
		t.Errorf("root %+v of %d nodes", root, len(d.nodes))
	}
	if list := d.nodes[2]; list.kind != array || list.count != 2 || list.next != 7 {
		t.Errorf("list %+v", list)
	}
	if name, value := string(d.text(&d.nodes[7])), string(d.appendText(nil, &d.nodes[8])); name != "cd" || value != "\"\U0001F600/" {
		t.Errorf("%q: %q", name, value)
	}
}

// A hundred thousand names, hashed and sorted, cost no more than reading them.
func TestManyNamesAreComparedInLittleTime(t *testing.T) {
	var b strings.Builder
	b.WriteByte('{')
	for i := range 100_000 {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + strings.Repeat("a", i%7) + strings.Repeat("b", i/7%11) + string(rune('A'+i%26)) + itoa(i) + `":0`)
	}
	b.WriteByte('}')
	var d document
	if err := d.parse([]byte(b.String())); err != nil {
		t.Error(err)
	}
}

func itoa(i int) string { data, _ := json.Marshal(i); return string(data) }

func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"x"]}`, `[[],{}]`, `"\ud83d\ude00"`, `{"a":1,"\u0061":2}`, "\xff", `[1,`, `-0.0e-1`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var d document
		err := d.parse(data)
		valid := json.Valid(data)
		if err == nil && !valid {
			t.Fatalf("accepted %q", data)
		}
		if errors.Is(err, errSyntax) && valid && !strings.Contains(strings.ToLower(string(data)), `\ud`) {
			t.Fatalf("refused %q", data)
		}
		if err != nil {
			return
		}
		var std any
		if json.Unmarshal(data, &std) != nil {
			return // a number that float64 cannot hold
		}
		if again, _ := json.Marshal(std); !sameAs(&d, again) {
			t.Fatalf("%q is not %s", data, again)
		}
	})
}

// sameAs compares with what encoding/json has made of it, numbers aside, which
// that rounds.
func sameAs(d *document, text []byte) bool {
	var other document
	if err := other.parse(text); err != nil {
		return errors.Is(err, errDuplicate) // names that differ in what encoding/json replaces
	}
	return len(other.nodes) == len(d.nodes)
}
