package validate

import (
	"bytes"
	"net/netip"
	"time"
)

// formats are those that a build leaves in schemas.
var formats = map[string]func([]byte) bool{
	"date-time": isDateTime,
	"date":      isDate,
	"uuid":      isUUID,
	"ipv4":      func(b []byte) bool { a, err := netip.ParseAddr(string(b)); return err == nil && a.Is4() },
	"ipv6": func(b []byte) bool {
		a, err := netip.ParseAddr(string(b))
		return err == nil && a.Is6() && a.Zone() == ""
	},
	"email": isEmail,
}

// maxFormatted bounds what is worth reading; RFC 5321's longest address has 254
// bytes.
const maxFormatted = 320

func isDate(b []byte) bool {
	if len(b) != len(time.DateOnly) {
		return false
	}
	_, err := time.Parse(time.DateOnly, string(b))
	return err == nil
}

// isDateTime follows RFC 3339 section 5.6: letters of either case, and leap
// seconds, which package time does not read.
func isDateTime(b []byte) bool {
	const second = len("2006-01-02T15:04:")
	if len(b) > maxFormatted || len(b) < second+2 {
		return false
	}
	upper := bytes.ToUpper(b)
	if string(upper[second:second+2]) == "60" {
		copy(upper[second:], "59")
	}
	_, err := time.Parse(time.RFC3339Nano, string(upper))
	return err == nil && bytes.IndexByte(upper, ',') < 0
}

func isUUID(b []byte) bool {
	if len(b) != 36 {
		return false
	}
	for i, c := range b {
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (c == '-') {
			return false
		}
		if c != '-' && !(c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'f') {
			return false
		}
	}
	return true
}

// isEmail asks for what an address cannot do without; whether it exists only
// a message tells.
func isEmail(b []byte) bool {
	at := bytes.LastIndexByte(b, '@')
	return at > 0 && at < len(b)-1 && len(b) <= maxFormatted && bytes.IndexByte(b[at:], '.') != 1 &&
		!bytes.ContainsAny(b, " \t\r\n<>")
}
