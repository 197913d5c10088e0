package auth

import (
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// maxRevoked bounds the set. At the bound the revocations that end first go.
const maxRevoked = 1 << 20

// RevokedSet holds credentials that are refused though they verify: JWT by
// "jti" or by signature, opaque tokens by the whole token (contract 7.4). An
// entry goes when the credential would have expired anyway.
//
// Every use of a credential asks the set. Each addition starts a new
// generation, so that a cached identity looks itself up once a generation and
// otherwise compares two numbers.
type RevokedSet struct {
	now        func() int64
	limit      int
	generation atomic.Uint64

	mu      sync.RWMutex
	entries map[[sha256.Size]byte]int64 // digest -> end in Clock time
}

func newRevokedSet(now func() int64) *RevokedSet {
	return &RevokedSet{now: now, limit: maxRevoked, entries: map[[sha256.Size]byte]int64{}}
}

// Add revokes a credential until expiry (Clock time): a JWT's "jti" or its
// signature, or an opaque token. Of a whole JWT the signature counts.
func (s *RevokedSet) Add(credential string, expiry int64) {
	if credential == "" || expiry <= s.now() {
		return
	}
	if signature := signatureOf(credential); signature != "" {
		credential = signature
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(credential, expiry)
	if twin, ok := twinSignature(credential); ok {
		s.add(twin, expiry)
	}
	if len(s.entries) > s.limit {
		s.shrink()
	}
	s.generation.Add(1)
}

func (s *RevokedSet) add(credential string, expiry int64) {
	digest := sha256.Sum256([]byte(credential))
	s.entries[digest] = max(s.entries[digest], expiry)
}

// Len counts the entries.
func (s *RevokedSet) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.entries)
}

// sweep drops what has ended.
func (s *RevokedSet) sweep() {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.entries, func(_ [sha256.Size]byte, expiry int64) bool { return expiry <= now })
}

// shrink drops the sixteenth that ends first, ended entries among them, and no
// more than that where many end at once.
func (s *RevokedSet) shrink() {
	ends := slices.Sorted(maps.Values(s.entries))
	left := len(ends) / 16
	last := ends[left]
	left++
	maps.DeleteFunc(s.entries, func(_ [sha256.Size]byte, expiry int64) bool {
		if expiry > last || left == 0 {
			return false
		}
		left--
		return true
	})
}

// revoked tells whether any of an identity's names is in the set.
func (s *RevokedSet) revoked(id *identity) bool {
	generation := s.generation.Load()
	if id.cleared.Load() == generation {
		return false
	}
	if s.has(id.principal.TokenID) || s.has(id.principal.Signature) || s.has(id.credential) {
		return true
	}
	id.cleared.Store(generation)
	return false
}

func (s *RevokedSet) has(credential string) bool {
	if credential == "" {
		return false
	}
	digest := sha256.Sum256([]byte(credential))
	s.mu.RLock()
	defer s.mu.RUnlock()
	expiry, ok := s.entries[digest]
	return ok && expiry > s.now()
}

// signatureOf gives the third part of what has three, else nothing.
func signatureOf(credential string) string {
	if strings.Count(credential, ".") != 2 {
		return ""
	}
	return credential[strings.LastIndexByte(credential, '.')+1:]
}

// twinSignature gives the other ECDSA signature that verifies wherever this
// one does: (r, n-s) beside (r, s). Without it whoever holds a revoked token
// could write its signature anew. RSA signatures are longer and have no twin.
func twinSignature(text string) (string, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return "", false
	}
	var order *big.Int
	switch len(raw) {
	case 64:
		order = elliptic.P256().Params().N
	case 96:
		order = elliptic.P384().Params().N
	default:
		return "", false
	}
	half := len(raw) / 2
	s := new(big.Int).SetBytes(raw[half:])
	if s.Sign() == 0 || s.Cmp(order) >= 0 {
		return "", false
	}
	s.Sub(order, s).FillBytes(raw[half:])
	return base64.RawURLEncoding.EncodeToString(raw), true
}
