package lease

// Words gives the token as two numbers, for whoever keeps it without knowing
// this package; TokenOf reads them.
func (t Token) Words() [2]int64 { return [2]int64{t.Window, int64(t.turn)<<8 | int64(uint8(t.slot))} }

// TokenOf gives the token that Words wrote.
func TokenOf(words [2]int64) Token {
	return Token{Window: words[0], slot: int8(words[1]), turn: uint32(words[1] >> 8)}
}
