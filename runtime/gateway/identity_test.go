package gateway

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"mgw/runtime/config"
)

// A key server whose certificate the system does not know is trusted where the
// configuration names the certificate, and only there.
func TestKeyServerOfAnAuthorityOfOnesOwn(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	defer server.Close()
	file := filepath.Join(t.TempDir(), "authority.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, reached := range map[string]bool{file: true, "": false} {
		carry, err := keyTransport(&config.Config{KeyManager: config.KeyManager{TrustedCertificateFile: name}})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Client{Transport: carry}).Get(server.URL)
		if (err == nil) != reached {
			t.Errorf("certificateFile %q: %v", name, err)
		}
		if err == nil {
			resp.Body.Close()
		}
		carry.CloseIdleConnections()
	}
}
