package app

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"github.com/cordonhq/cordon/api"
)

// openVerdictKey opens the key that signs verdicts, and creates it on the first start.
func openVerdictKey(path, issuer string) (*api.Signer, error) {
	key, err := api.ReadKey(path)
	if errors.Is(err, os.ErrNotExist) {
		key, err = createVerdictKey(path)
	}
	if err != nil {
		return nil, err
	}
	return api.NewSigner(key, issuer)
}

func createVerdictKey(path string) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the key that signs verdicts: %w", err)
	}
	err = errors.Join(pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: der}), f.Sync(), f.Close())
	if err != nil {
		return nil, fmt.Errorf("make the key that signs verdicts: %w", errors.Join(err, os.Remove(path)))
	}
	return key, nil
}
