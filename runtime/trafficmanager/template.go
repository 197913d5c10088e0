package trafficmanager

import (
	"fmt"
	"regexp"
	"strings"

	"mgw/runtime/internal/event"
)

// template is a key template (contract 4.9): literal text and placeholders.
type template []piece

// piece is literal text, or a placeholder when fill is not nil.
type piece struct {
	text string // literal, or a custom property's name
	fill func(name string, e *event.Event, p *properties) string
}

const propertyMark = "$customProperty."

var placeholders = map[string]func(string, *event.Event, *properties) string{
	"$resourceKey": func(_ string, e *event.Event, _ *properties) string { return e.ResourceKey },
	"$userId":      func(_ string, e *event.Event, _ *properties) string { return e.UserID },
	"$apiContext":  func(_ string, e *event.Event, _ *properties) string { return e.APIContext },
	"$apiVersion":  func(_ string, e *event.Event, _ *properties) string { return e.APIVersion },
	"$appTenant":   func(_ string, e *event.Event, _ *properties) string { return e.AppTenant },
	"$apiTenant":   func(_ string, e *event.Event, _ *properties) string { return e.APITenant },
	"$appId":       func(_ string, e *event.Event, _ *properties) string { return e.AppID },
	"$clientIp":    clientIP,
}

// clientIP spells the address as microgateways do when they look a key up.
func clientIP(_ string, _ *event.Event, p *properties) string {
	if a := p.address(); a.IsValid() {
		return a.String()
	}
	return ""
}

func customProperty(name string, _ *event.Event, p *properties) string { return p.asText(name) }

// placeholderForm finds placeholders. A name of letters ends where another
// character comes; one that is not known may still begin with one that is.
var placeholderForm = regexp.MustCompile(`\$customProperty\.[A-Za-z0-9_-]+|\$(?:resourceKey|userId|apiContext|apiVersion|appTenant|apiTenant|appId|clientIp)`)

func parseTemplate(text string) (template, error) {
	var t template
	literal := func(s string) error {
		if i := strings.IndexByte(s, '$'); i >= 0 {
			return fmt.Errorf("the key template has an unknown placeholder: %s", s[i:])
		}
		if s != "" {
			t = append(t, piece{text: s})
		}
		return nil
	}
	from := 0
	for _, at := range placeholderForm.FindAllStringIndex(text, -1) {
		if err := literal(text[from:at[0]]); err != nil {
			return nil, err
		}
		found := text[at[0]:at[1]]
		if name, ok := strings.CutPrefix(found, propertyMark); ok {
			t = append(t, piece{name, customProperty})
		} else {
			t = append(t, piece{"", placeholders[found]})
		}
		from = at[1]
	}
	if err := literal(text[from:]); err != nil {
		return nil, err
	}
	if len(t) == 0 {
		return nil, fmt.Errorf("the key template is empty")
	}
	return t, nil
}

// fill gives the key that a template stands for.
func (t template) fill(e *event.Event, p *properties) string {
	var b strings.Builder
	for _, piece := range t {
		if piece.fill == nil {
			b.WriteString(piece.text)
			continue
		}
		b.WriteString(piece.fill(piece.text, e, p))
	}
	return b.String()
}
