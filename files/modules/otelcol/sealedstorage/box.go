package sealedstorage

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
)

const (
	// format is the first byte of every value; another one means another layout, or no seal.
	format = 1
	// shortest is what a key file must hold: 128 bits, as bytes. A machine id has twice that in
	// hexadecimal; the "uninitialized" that systemd leaves in images has less.
	shortest = 16
	keySize  = 32 // AES-256
	purpose  = "stackwatch sealed_storage 1: "
)

var errSealed = errors.New("not sealed with this key")

// box seals and opens the values of one component: format byte, nonce, ciphertext with its tag.
type box struct {
	aead cipher.AEAD
}

// newBox derives a key for owner alone. A value that is moved to another component's store does
// not open, and each key sees few enough values for random nonces.
func newBox(secret []byte, owner string) (box, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, purpose+owner, keySize)
	if err != nil {
		return box{}, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return box{}, err
	}
	// It draws a nonce for each value and puts it in front.
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return box{aead}, err
}

// seal encrypts value; name is authenticated, so that values cannot change places.
func (b box) seal(name string, value []byte) []byte {
	sealed := make([]byte, 1, 1+len(value)+b.aead.Overhead())
	sealed[0] = format
	return b.aead.Seal(sealed, nil, value, []byte(name))
}

// open gives back what was sealed under name. It is never nil: nil means "not stored".
func (b box) open(name string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != format {
		return nil, errSealed
	}
	value, err := b.aead.Open([]byte{}, nil, sealed[1:], []byte(name))
	if err != nil {
		return nil, errSealed // what the cipher says is the same for every cause
	}
	return value, nil
}

// readSecret reads the content that keys are derived from, without the white space around it:
// an editor that adds a newline must not lock a store.
func readSecret(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("key_file: %w; create it, or let the collector's user read it", err)
	}
	secret := bytes.TrimSpace(content)
	if len(secret) < shortest {
		return nil, fmt.Errorf(
			"key_file: %s holds %d bytes, %d are the least; "+
				"for a machine id run systemd-machine-id-setup", path, len(secret), shortest)
	}
	return secret, nil
}
