package cache

import (
	"os"
	"testing"

	"mgw/runtime/internal/exchange"
)

// TestMain lets lent memory be overwritten when an exchange ends: what is
// stored must not be a part of it.
func TestMain(m *testing.M) {
	exchange.Poison = true
	os.Exit(m.Run())
}
