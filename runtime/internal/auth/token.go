package auth

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// token is a JWT in compact form, taken apart and not yet believed.
type token struct {
	alg, kid      string
	claims        jwt.MapClaims
	signed        string // what the signature covers
	signature     []byte
	signatureText string
}

// Why a token is not even looked at. None of these quotes it.
var (
	errTooLong   = errors.New("token is too long")
	errMalformed = errors.New("token is malformed")
	errAlgorithm = errors.New("token is signed with an algorithm that is not allowed")
	errCritical  = errors.New("token demands extensions that are not supported")
)

// parser decodes base64 strictly: with stray bits in the last letter a token
// could be written in several ways, and only one of them be revoked.
var parser = jwt.NewParser(jwt.WithJSONNumber(), jwt.WithStrictDecoding())

// parseToken takes a JWT (RFC 7519) apart. It verifies nothing.
func parseToken(text string, limit int) (*token, error) {
	if len(text) > limit {
		return nil, errTooLong
	}
	if strings.Count(text, ".") != 2 || !inAlphabet(text) {
		return nil, errMalformed
	}
	parsed, parts, err := parser.ParseUnverified(text, jwt.MapClaims{})
	if err != nil {
		if errors.Is(err, jwt.ErrTokenUnverifiable) {
			return nil, errAlgorithm
		}
		return nil, errMalformed
	}
	t := &token{
		claims:        parsed.Claims.(jwt.MapClaims),
		signed:        text[:len(parts[0])+1+len(parts[1])],
		signature:     parsed.Signature,
		signatureText: parts[2],
	}
	t.alg, _ = parsed.Header["alg"].(string)
	t.kid, _ = parsed.Header["kid"].(string)
	if allowed[t.alg] == nil {
		return nil, errAlgorithm
	}
	// RFC 7515 section 4.1.11: what is critical must be understood; nothing is.
	if _, ok := parsed.Header["crit"]; ok {
		return nil, errCritical
	}
	return t, nil
}

// inAlphabet tells whether a token has base64url letters and dots only. The
// decoder would skip line breaks.
func inAlphabet(text string) bool {
	for i := range len(text) {
		c := text[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

// seconds reads a NumericDate claim (RFC 7519 section 2) as Clock time. Dates
// out of range are moved to its ends. There but not a number is not ok.
func seconds(claims map[string]any, name string) (at int64, present, ok bool) {
	v, present := claims[name]
	if !present {
		return 0, false, true
	}
	n, isNumber := v.(json.Number)
	f, err := n.Float64()
	if !isNumber || err != nil {
		return 0, true, false
	}
	if whole, err := n.Int64(); err == nil && whole > -maxSeconds && whole < maxSeconds {
		return whole * int64(time.Second), true, true
	}
	f *= float64(time.Second)
	switch {
	case f >= math.MaxInt64:
		return math.MaxInt64, true, true
	case f <= math.MinInt64:
		return math.MinInt64, true, true
	}
	return int64(f), true, true
}

const maxSeconds = math.MaxInt64 / int64(time.Second)

// later and earlier move a time without passing the ends of its range.
func later(at int64, by time.Duration) int64 {
	if at > math.MaxInt64-int64(by) {
		return math.MaxInt64
	}
	return at + int64(by)
}

func earlier(at int64, by time.Duration) int64 {
	if at < math.MinInt64+int64(by) {
		return math.MinInt64
	}
	return at - int64(by)
}
