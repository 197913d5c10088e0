package lease

import "testing"

func TestTokensSurviveTheirWords(t *testing.T) {
	for _, token := range []Token{{}, {Window: 7, slot: 2, turn: 1<<32 - 1}, {Window: -1, slot: 1}} {
		if got := TokenOf(token.Words()); got != token {
			t.Errorf("%+v became %+v", token, got)
		}
	}
}
