package auth

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"unicode/utf16"
)

// The friendly names of a PKCS#12 file of certificates (RFC 7292), which
// go-pkcs12 reads but does not give. Only what keytool has written for years is
// understood: PBES2 with PBKDF2, HMAC-SHA-256 and AES-256 (RFC 8018 section
// 6.2). The library has checked the file's integrity before.

type (
	contentInfo struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"tag:0,explicit,optional"`
	}
	pfx struct {
		Version  int
		AuthSafe contentInfo
		MAC      asn1.RawValue `asn1:"optional"`
	}
	algorithm struct {
		ID         asn1.ObjectIdentifier
		Parameters asn1.RawValue `asn1:"optional"`
	}
	encryptedData struct {
		Version int
		Content struct {
			Type      asn1.ObjectIdentifier
			Algorithm algorithm
			Data      []byte `asn1:"tag:0,optional"`
		}
	}
	pbes2 struct{ KDF, Cipher algorithm }
	kdf2  struct {
		Salt       []byte
		Iterations int
		KeyLength  int       `asn1:"optional"`
		PRF        algorithm `asn1:"optional"`
	}
	safeBag struct {
		ID         asn1.ObjectIdentifier
		Value      asn1.RawValue `asn1:"tag:0,explicit"`
		Attributes []attribute   `asn1:"set,optional"`
	}
	attribute struct {
		ID    asn1.ObjectIdentifier
		Value asn1.RawValue
	}
	certBag struct {
		ID   asn1.ObjectIdentifier
		Data []byte `asn1:"tag:0,explicit"`
	}
)

var (
	oidEncryptedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidPBES2         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidHMACSHA256    = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidAES256CBC     = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
	oidCertBag       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidFriendlyName  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 20}
)

// maxIterations bounds the time that a file can cost.
const maxIterations = 1_000_000

var errEncryption = errors.New("encrypted in a way that is not read")

// friendlyNames gives the names by DER certificate.
func friendlyNames(file []byte, password string) (map[string]string, error) {
	var p pfx
	var content []byte
	var infos []contentInfo
	if err := unmarshal(file, &p); err != nil {
		return nil, err
	}
	if err := unmarshal(p.AuthSafe.Content.Bytes, &content); err != nil {
		return nil, err
	}
	if err := unmarshal(content, &infos); err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, info := range infos {
		if !info.Type.Equal(oidEncryptedData) {
			continue
		}
		var data encryptedData
		if err := unmarshal(info.Content.Bytes, &data); err != nil {
			return nil, err
		}
		bags, err := decrypt(data.Content.Algorithm, data.Content.Data, password)
		if err != nil {
			return nil, err
		}
		if err := readBags(bags, names); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// decrypt ends PBES2.
func decrypt(a algorithm, data []byte, password string) ([]byte, error) {
	var scheme pbes2
	var k kdf2
	var iv []byte
	if !a.ID.Equal(oidPBES2) {
		return nil, errEncryption
	}
	if err := unmarshal(a.Parameters.FullBytes, &scheme); err != nil {
		return nil, err
	}
	if err := unmarshal(scheme.KDF.Parameters.FullBytes, &k); err != nil {
		return nil, err
	}
	if err := unmarshal(scheme.Cipher.Parameters.FullBytes, &iv); err != nil {
		return nil, err
	}
	if !k.PRF.ID.Equal(oidHMACSHA256) || !scheme.Cipher.ID.Equal(oidAES256CBC) || len(iv) != aes.BlockSize ||
		len(data) == 0 || len(data)%aes.BlockSize != 0 || k.Iterations < 1 || k.Iterations > maxIterations {
		return nil, errEncryption
	}
	key, err := pbkdf2.Key(sha256.New, password, k.Salt, k.Iterations, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	padding := int(plain[len(plain)-1])
	if padding == 0 || padding > aes.BlockSize {
		return nil, errEncryption
	}
	return plain[:len(plain)-padding], nil
}

func readBags(content []byte, names map[string]string) error {
	var bags []safeBag
	if err := unmarshal(content, &bags); err != nil {
		return err
	}
	for _, bag := range bags {
		if !bag.ID.Equal(oidCertBag) {
			continue
		}
		var c certBag
		if err := unmarshal(bag.Value.Bytes, &c); err != nil {
			return err
		}
		for _, a := range bag.Attributes {
			if a.ID.Equal(oidFriendlyName) {
				names[string(c.Data)] = bmpString(a.Value.Bytes)
			}
		}
	}
	return nil
}

// bmpString reads the one element of the set, UTF-16 in big endian.
func bmpString(set []byte) string {
	var value asn1.RawValue
	if unmarshal(set, &value) != nil || len(value.Bytes)%2 != 0 {
		return ""
	}
	letters := make([]uint16, 0, len(value.Bytes)/2)
	for b := value.Bytes; len(b) > 0; b = b[2:] {
		letters = append(letters, binary.BigEndian.Uint16(b))
	}
	return string(utf16.Decode(letters))
}

// unmarshal reads one value and nothing after it.
func unmarshal(data []byte, v any) error {
	rest, err := asn1.Unmarshal(data, v)
	if err == nil && len(rest) > 0 {
		return errors.New("bytes after the end")
	}
	return err
}
