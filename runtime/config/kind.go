package config

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// setter reads a value into the configuration. It tells whether the value
// differs from the default, or what is wrong with it.
type setter func(in input) (changed bool, err error)

// put makes the setter of one place from how its value is read, and puts the
// default there.
func put[T comparable](dst *T, standard T, read func(input) (T, error)) setter {
	*dst = standard
	return func(in input) (bool, error) {
		v, err := read(in)
		if err != nil {
			return false, err
		}
		*dst = v
		return v != standard, nil
	}
}

// putList is put for lists.
func putList[T comparable](dst *[]T, standard []T, read func(item string) (T, error)) setter {
	*dst = standard
	return func(in input) (bool, error) {
		items, err := in.list()
		if err != nil {
			return false, err
		}
		values := make([]T, 0, len(items))
		var wrong []string
		for _, item := range items {
			v, err := read(item)
			if err != nil {
				wrong = append(wrong, err.Error())
			}
			values = append(values, v)
		}
		if len(wrong) > 0 {
			return false, errors.New(strings.Join(wrong, "; "))
		}
		*dst = values
		return !slices.Equal(values, standard), nil
	}
}

func text(dst *string, standard string) setter { return put(dst, standard, input.text) }

func flag(dst *bool, standard bool) setter { return put(dst, standard, input.flag) }

func texts(dst *[]string, standard ...string) setter {
	return putList(dst, standard, func(item string) (string, error) { return item, nil })
}

// word is one of several, compared without case.
func word(dst *string, standard string, others ...string) setter {
	allowed := append([]string{standard}, others...)
	return put(dst, standard, func(in input) (string, error) {
		s, err := in.text()
		if err != nil {
			return "", err
		}
		for _, w := range allowed {
			if strings.EqualFold(w, s) {
				return w, nil
			}
		}
		return "", fmt.Errorf("must be %s, not %s", either(allowed), in.shown())
	})
}

func number[T int | int64](dst *T, standard, least, most T) setter {
	return put(dst, standard, func(in input) (T, error) {
		n, err := in.integer()
		switch {
		case err != nil:
			return 0, err
		case n >= int64(least) && n <= int64(most):
			return T(n), nil
		case int64(most) >= math.MaxInt32:
			return 0, fmt.Errorf("must be %d or more, not %d", least, n)
		}
		return 0, fmt.Errorf("must be from %d to %d, not %d", least, most, n)
	})
}

// oneOf is one of a few numbers.
func oneOf(dst *int, standard, other int) setter {
	return put(dst, standard, func(in input) (int, error) {
		n, err := in.integer()
		if err == nil && n != int64(standard) && n != int64(other) {
			err = fmt.Errorf("must be %d or %d, not %d", standard, other, n)
		}
		return int(n), err
	})
}

func port(dst *int, standard int) setter { return number(dst, standard, 0, 65535) }

// megabytes reads a size into bytes.
func megabytes(dst *int64, standard int64) setter {
	var n int64
	read := number(&n, standard, 1, 1<<20)
	*dst = standard << 20
	return func(in input) (bool, error) {
		changed, err := read(in)
		*dst = n << 20
		return changed, err
	}
}

func fraction(dst *float64, standard float64) setter {
	return put(dst, standard, func(in input) (float64, error) {
		f, err := in.float()
		if err == nil && !(f >= 0 && f <= 1) {
			err = fmt.Errorf("must be from 0 to 1, not %s", in.shown())
		}
		return f, err
	})
}

// longest bounds durations, so that sums of them do not overflow.
const longest = 100 * 365 * 24 * time.Hour

// span is a duration of at least least. A bare number is in units of unit; unit 0 wants
// one written out.
func span(dst *time.Duration, standard, least, unit time.Duration) setter {
	return put(dst, standard, func(in input) (time.Duration, error) {
		d, err := in.duration(unit)
		switch {
		case err != nil:
			return 0, err
		case d < least:
			return 0, fmt.Errorf("must be %s or more, not %s", least, in.shown())
		case d > longest:
			return 0, fmt.Errorf("is too long: %s", in.shown())
		}
		return d, nil
	})
}

// fileName is relative to the folder of the configuration.
func fileName(dst *string, standard string) setter {
	return put(dst, standard, func(in input) (string, error) {
		s, err := in.text()
		s = in.load.resolve(s)
		in.load.reads(s)
		return s, err
	})
}

func secret(dst *Secret, standard string) setter {
	return put(dst, Secret{standard}, func(in input) (Secret, error) {
		if _, ok := in.raw.(string); !ok {
			return Secret{}, errors.New("must be text in quotes")
		}
		s, err := in.text()
		return Secret{s}, err
	})
}

func secrets(dst *[]Secret, standard ...Secret) setter {
	return putList(dst, standard, func(item string) (Secret, error) { return Secret{item}, nil })
}

// fromFile sets a secret to what a file holds.
func fromFile(set setter) setter {
	return func(in input) (bool, error) {
		name, err := in.text()
		if err != nil {
			return false, err
		}
		content, err := in.load.readSecret(name)
		if err != nil {
			return false, err
		}
		in.raw, in.literal = content, true
		return set(in)
	}
}

// link is an absolute http or https URL, or nothing. Errors do not repeat it:
// it may carry a password.
func link(dst *string, standard string) setter {
	return put(dst, standard, func(in input) (string, error) {
		s, err := in.text()
		switch {
		case err != nil || s == "":
		case in.load.stoodIn:
			s = standInURL
		default:
			err = checkURL(s)
		}
		return s, err
	})
}

func links(dst *[]string, standard ...string) setter {
	return putList(dst, standard, func(item string) (string, error) { return item, checkURL(item) })
}

func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return errors.New("must be an http or https URL with a host")
	case u.User != nil:
		return errors.New("must not hold user and password; they have keys of their own")
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.ParseUint(p, 10, 16); err != nil || n == 0 {
			return errors.New("has a port that is not from 1 to 65535")
		}
	}
	return nil
}

// prefixes is a list of CIDRs and single addresses.
func prefixes(dst *[]netip.Prefix) setter {
	return putList(dst, nil, func(item string) (netip.Prefix, error) {
		if a, err := netip.ParseAddr(item); err == nil && a.Zone() == "" {
			a = a.Unmap()
			return netip.PrefixFrom(a, a.BitLen()), nil
		}
		p, err := netip.ParsePrefix(item)
		switch {
		case err != nil:
			return p, fmt.Errorf("%q is neither an address nor a CIDR such as 10.0.0.0/8", item)
		case p != p.Masked():
			return p, fmt.Errorf("%q has bits set after its prefix: write %q", item, p.Masked())
		}
		return p, nil
	})
}

// must accepts one value only and says why.
func must(standard bool, why string) setter {
	return func(in input) (bool, error) {
		b, err := in.flag()
		if err == nil && b != standard {
			err = errors.New(why)
		}
		return false, err
	}
}

// ignored is a value of any type that nothing here reads.
func ignored(input) (bool, error) { return true, nil }

// either joins words as "a, b or c", quoted.
func either(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = strconv.Quote(w)
	}
	last := len(quoted) - 1
	if last == 0 {
		return quoted[0]
	}
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}
