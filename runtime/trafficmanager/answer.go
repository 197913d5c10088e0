package trafficmanager

import (
	"encoding/json"
	"net/http"
)

// answer sends a value as JSON.
func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A client that went away does not need the rest.
	_ = json.NewEncoder(w).Encode(v)
}

// fail answers with the reason why not.
func fail(w http.ResponseWriter, status int, reason string) {
	answer(w, status, struct {
		Error string `json:"error"`
	}{reason})
}
