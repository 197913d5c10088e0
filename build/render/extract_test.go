package render

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mgw/runtime/spec"
)

func TestWhatAnExecutableServesIsFoundInIt(t *testing.T) {
	want := petstore()
	content, err := spec.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	noise := []byte("\x7fELF{\"format\":{\"format\":1}\x00{\"format\":7,")
	got, err := Extract(slices.Concat(noise, content, []byte("\x00}more")))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, got %+v", err, got)
	}
	for text, reason := range map[string]string{
		"":               "there is no gateway in it",
		string(noise):    "there is no gateway in it",
		"{\"format\":1}": "there is no gateway in it",
		string(bytes.Replace(content, []byte(`"format":1`), []byte(`"format":9`), 1)): "another version of mgw built it",
		string(content[:len(content)-1]):                                              "there is no gateway in it",
	} {
		if _, err := Extract([]byte(text)); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%.30q: %v", text, err)
		}
	}
}
