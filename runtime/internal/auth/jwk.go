package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
)

// jwk is a JSON Web Key (RFC 7517 section 4, RFC 7518 section 6).
type jwk struct {
	Kty, Use, Alg, Kid string
	N, E               string
	Crv, X, Y          string
}

// parseKeys reads a JWK set. Keys that are not for the allowed algorithms are
// passed over; a set without any usable one is an error.
func parseKeys(body []byte) (keySet, error) {
	var set struct{ Keys []json.RawMessage }
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, errors.New("answer is not a JWK set")
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("JWK set of more than %d keys", maxKeys)
	}
	var keys keySet
	for _, raw := range set.Keys {
		var k jwk
		if json.Unmarshal(raw, &k) != nil || k.Use != "" && k.Use != "sig" || k.Alg != "" && allowed[k.Alg] == nil {
			continue
		}
		public, err := k.public()
		if err != nil || checkKey(public) != nil {
			continue
		}
		keys = append(keys, key{k.Kid, k.Alg, public})
	}
	if len(keys) == 0 {
		return nil, errors.New("JWK set without a usable key")
	}
	return keys, nil
}

func (k *jwk) public() (crypto.PublicKey, error) {
	switch k.Kty {
	case "RSA":
		n, err := base64.RawURLEncoding.DecodeString(k.N)
		if err != nil {
			return nil, err
		}
		e, err := base64.RawURLEncoding.DecodeString(k.E)
		if err != nil || len(e) == 0 || len(e) > 4 {
			return nil, errors.New("RSA exponent out of range")
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}, nil
	case "EC":
		return k.point()
	}
	return nil, errors.New("key type is not supported")
}

func (k *jwk) point() (crypto.PublicKey, error) {
	var curve elliptic.Curve
	switch k.Crv {
	case "P-256":
		curve = elliptic.P256()
	case "P-384":
		curve = elliptic.P384()
	default:
		return nil, errors.New("curve is not supported")
	}
	size := (curve.Params().BitSize + 7) / 8
	x, errX := base64.RawURLEncoding.DecodeString(k.X)
	y, errY := base64.RawURLEncoding.DecodeString(k.Y)
	if errX != nil || errY != nil || len(x) > size || len(y) > size {
		return nil, errors.New("coordinates out of range")
	}
	point := make([]byte, 1+2*size) // SEC 1 section 2.3.3, uncompressed
	point[0] = 4
	copy(point[1+size-len(x):], x)
	copy(point[1+2*size-len(y):], y)
	return ecdsa.ParseUncompressedPublicKey(curve, point)
}
