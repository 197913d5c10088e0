package spec

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestSchemasComeOutAsTheyWentIn(t *testing.T) {
	in := &Schemas{APIs: []APISchemas{
		{Schemas: []json.RawMessage{[]byte(`{}`), []byte(`{"types":["string"]}`)}, Operations: []OperationMessages{{Operation: 3, Body: &Content{Media: []Media{{"application/json", 1}}}}}},
		{},
		{Schemas: []json.RawMessage{[]byte(`{"never":true}`)}},
	}}
	packed, err := PackSchemas(in)
	if err != nil {
		t.Fatal(err)
	}
	out, err := UnpackSchemas(packed)
	if err != nil {
		t.Fatal(err)
	}
	for i := range out.APIs {
		if out.APIs[i].Count != len(in.APIs[i].Schemas) {
			t.Errorf("API %d: %d schemas", i, out.APIs[i].Count)
		}
		out.APIs[i].Count = 0
	}
	if !reflect.DeepEqual(in, out) {
		t.Errorf("got  %+v\nwant %+v", out.APIs, in.APIs)
	}
}

func TestSchemasThatAreNoneAreRefused(t *testing.T) {
	if s, err := UnpackSchemas(nil); err != nil || len(s.APIs) > 0 {
		t.Errorf("%v, %v", s, err)
	}
	whole, err := PackSchemas(&Schemas{APIs: []APISchemas{{Schemas: []json.RawMessage{[]byte(`{}`)}}}})
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		if n == 0 {
			continue
		}
		if _, err := UnpackSchemas(whole[:n]); err == nil {
			t.Errorf("%d bytes of %d were enough", n, len(whole))
		}
	}
	if _, err := PackSchemas(&Schemas{APIs: []APISchemas{{Schemas: []json.RawMessage{[]byte("{\n}")}}}}); err == nil {
		t.Error("a schema of two lines was packed")
	}
}
