package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"mgw/runtime/config"
	"mgw/runtime/diag"
	"mgw/runtime/spec"
)

// Ask puts a question to a running gateway: url is its admin listener's, token
// what that wants.
func Ask(ctx context.Context, url, token string, q Question) (Explanation, error) {
	body, err := json.Marshal(q)
	if err != nil {
		return Explanation{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(url, "/")+"/explain", bytes.NewReader(body))
	if err != nil {
		return Explanation{}, err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return Explanation{}, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return Explanation{}, err
	}
	var e struct {
		Explanation
		Error string `json:"error"`
	}
	if err := json.Unmarshal(answer, &e); err != nil {
		return Explanation{}, fmt.Errorf("%s did not answer as an admin listener does: %s", url, resp.Status)
	}
	if resp.StatusCode != http.StatusOK {
		return Explanation{}, fmt.Errorf("%s: %s: %s", url, resp.Status, e.Error)
	}
	return e.Explanation, nil
}

// ExplainUnstarted answers a question for a gateway that does not run: by what
// it would serve and a configuration file ("" for the built-in defaults). What
// its counters would say nobody knows; Remaining is then each limit's Count.
func ExplainUnstarted(ctx context.Context, served *spec.Gateway, configFile string, q Question) (Explanation, diag.List, error) {
	source := config.Source{File: configFile, Environ: os.Environ()}
	if configFile != "" {
		var err error
		if source.Data, err = os.ReadFile(configFile); err != nil {
			return Explanation{}, nil, err
		}
	}
	cfg, problems := config.Load(source)
	if problems.Errors() > 0 {
		return Explanation{}, problems, nil
	}
	g, err := New(Options{Spec: served, Config: cfg, Log: slog.New(slog.DiscardHandler), CheckOnly: true})
	if err != nil {
		return Explanation{}, problems, err
	}
	defer g.close()
	e, err := g.Explain(ctx, q)
	return e, problems, err
}
