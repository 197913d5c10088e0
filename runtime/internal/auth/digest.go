package auth

import (
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// maxCost bounds bcrypt: each step doubles the time, 15 takes seconds.
const maxCost = 15

// digest is a stored password.
type digest interface {
	matches(password []byte) bool
}

// shaDigest is an unsalted digest of the original's kinds.
type shaDigest struct {
	name string
	sum  []byte
}

func (d shaDigest) matches(password []byte) bool {
	return subtle.ConstantTimeCompare(d.sum, shaSum(d.name, password)) == 1
}

func shaSum(name string, password []byte) []byte {
	switch name {
	case "sha1":
		sum := sha1.Sum(password)
		return sum[:]
	case "sha256":
		sum := sha256.Sum256(password)
		return sum[:]
	case "sha384":
		sum := sha512.Sum384(password)
		return sum[:]
	case "sha512":
		sum := sha512.Sum512(password)
		return sum[:]
	}
	return nil
}

type bcryptDigest string

func (d bcryptDigest) matches(password []byte) bool {
	return bcrypt.CompareHashAndPassword([]byte(d), password) == nil
}

func (d bcryptDigest) cost() int {
	cost, err := bcrypt.Cost([]byte(d))
	if err != nil {
		return 0
	}
	return cost
}

// newBcryptDigest makes the digest of a password that nobody has.
func newBcryptDigest(cost int) (bcryptDigest, error) {
	d, err := bcrypt.GenerateFromPassword([]byte(rand.Text()), cost)
	if err != nil {
		return "", fmt.Errorf("making a decoy password: %w", err)
	}
	return bcryptDigest(d), nil
}

var errDigest = errors.New("password is not a digest: want bcrypt, @sha256:{hex}, @sha384:{hex}, @sha512:{hex} or a SHA-1 in hexadecimal")

// parseDigest reads a configured password. Its errors do not quote it.
func parseDigest(text string) (digest, error) {
	if strings.HasPrefix(text, "$2") {
		d := bcryptDigest(text)
		if d.cost() == 0 {
			return nil, errDigest
		}
		if d.cost() > maxCost {
			return nil, fmt.Errorf("bcrypt cost %d, at most %d is allowed", d.cost(), maxCost)
		}
		return d, nil
	}
	name, sum := "sha1", text
	if rest, ok := strings.CutPrefix(text, "@"); ok {
		if name, sum, ok = strings.Cut(rest, ":"); !ok {
			return nil, errDigest
		}
		sum = strings.TrimSuffix(strings.TrimPrefix(sum, "{"), "}")
	}
	raw, err := hex.DecodeString(sum)
	if err != nil || len(raw) == 0 || len(raw) != len(shaSum(name, nil)) {
		return nil, errDigest
	}
	return shaDigest{name, raw}, nil
}
