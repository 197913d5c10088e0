package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// layer is where a value comes from; a later one wins.
type layer uint8

const (
	fileLayer layer = iota
	environmentLayer
	commandLineLayer
)

// input is one value on its way into the configuration: as TOML decoded it, or
// the text of an override.
type input struct {
	load    *loader
	path    string
	raw     any
	layer   layer
	literal bool // placeholders stay as they are
	hide    bool // messages do not repeat the value
}

// text gives a string with its placeholders filled in.
func (in input) text() (string, error) {
	s, ok := in.raw.(string)
	switch {
	case !ok:
		return "", fmt.Errorf("must be text in quotes, not %s", in.shown())
	case in.literal:
		return s, nil
	}
	return in.load.expand(s)
}

// spelled tells whether numbers and flags may come as text: from an override,
// or through a placeholder.
func (in input) spelled() (string, bool, error) {
	s, ok := in.raw.(string)
	if !ok || in.layer == fileLayer && !strings.Contains(s, envOpen) {
		return "", false, nil
	}
	s, err := in.text()
	return strings.TrimSpace(s), true, err
}

func (in input) integer() (int64, error) {
	if n, ok := in.raw.(int64); ok {
		return n, nil
	}
	if s, ok, err := in.spelled(); err != nil {
		return 0, err
	} else if ok {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return n, nil
		}
	}
	return 0, fmt.Errorf("must be a whole number, not %s", in.shown())
}

func (in input) float() (float64, error) {
	switch n := in.raw.(type) {
	case float64:
		return n, nil
	case int64:
		return float64(n), nil
	}
	if s, ok, err := in.spelled(); err != nil {
		return 0, err
	} else if ok {
		if f, err := strconv.ParseFloat(s, 64); err == nil {
			return f, nil
		}
	}
	return 0, fmt.Errorf("must be a number, not %s", in.shown())
}

func (in input) flag() (bool, error) {
	if b, ok := in.raw.(bool); ok {
		return b, nil
	}
	if s, ok, err := in.spelled(); err != nil {
		return false, err
	} else if ok {
		switch strings.ToLower(s) {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
	}
	return false, fmt.Errorf("must be true or false, not %s", in.shown())
}

// duration reads "10s", or a bare number of units where unit is not 0.
func (in input) duration(unit time.Duration) (time.Duration, error) {
	if _, ok := in.raw.(string); ok {
		s, err := in.text()
		if err != nil {
			return 0, err
		}
		if d, err := time.ParseDuration(strings.TrimSpace(s)); err == nil {
			return d, nil
		}
	}
	if unit == 0 {
		return 0, fmt.Errorf(`must be a duration such as "10s", not %s`, in.shown())
	}
	n, err := in.integer()
	if err != nil {
		return 0, fmt.Errorf(`must be a number of %s or a duration such as "10s", not %s`, unitName(unit), in.shown())
	}
	if n > int64(longest/unit) || n < -int64(longest/unit) {
		return 0, fmt.Errorf("is too long: %s", in.shown())
	}
	return time.Duration(n) * unit, nil
}

func unitName(unit time.Duration) string {
	if unit == time.Second {
		return "seconds"
	}
	return "milliseconds"
}

// list gives the items of an array of strings, or of text with commas between.
func (in input) list() ([]string, error) {
	var items []string
	switch raw := in.raw.(type) {
	case string:
		s, err := in.text()
		if err != nil {
			return nil, err
		}
		items = strings.Split(s, ",")
	case []any:
		for _, v := range raw {
			one := in
			one.raw = v
			if _, ok := v.(string); !ok {
				return nil, errors.New("must be a list of texts in quotes")
			}
			s, err := one.text()
			if err != nil {
				return nil, err
			}
			items = append(items, s)
		}
	default:
		return nil, fmt.Errorf("must be a list of texts in quotes, not %s", in.shown())
	}
	kept := items[:0]
	for _, item := range items {
		if item = strings.TrimSpace(item); item != "" {
			kept = append(kept, item)
		}
	}
	return kept, nil
}

// maxShown bounds a value repeated in a message.
const maxShown = 60

// shown is the value as the user wrote it, for messages about keys that are no
// secrets. What placeholders stand for is not shown.
func (in input) shown() string {
	if in.hide {
		return "this"
	}
	var s string
	switch v := in.raw.(type) {
	case string:
		s = strconv.Quote(v)
	case map[string]any:
		return "a table"
	case []any, []map[string]any:
		return "a list"
	case time.Time:
		return "a date"
	default:
		s = fmt.Sprint(v)
	}
	if len(s) > maxShown {
		return "this"
	}
	return s
}
