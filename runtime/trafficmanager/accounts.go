package trafficmanager

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"

	"mgw/runtime/config"
)

// accounts are the users of the configuration. Passwords are compared by their
// hashes and in constant time, for names that nobody has too.
type accounts map[string]account

type account struct {
	password [sha256.Size]byte
	admin    bool
}

func newAccounts(users []*config.ManagerUser) accounts {
	all := accounts{}
	for _, u := range users {
		all[u.Name] = account{sha256.Sum256([]byte(u.Password.Reveal())), u.Admin}
	}
	return all
}

// check gives the account that a request proves to be of.
func (a accounts) check(r *http.Request) (account, bool) {
	name, password, ok := r.BasicAuth()
	known, exists := a[name]
	given := sha256.Sum256([]byte(password))
	same := subtle.ConstantTimeCompare(given[:], known.password[:]) == 1
	return known, ok && exists && same
}

// user lets configured users pass.
func (a accounts) user(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, ok := a.check(r); !ok {
			unauthorized(w)
			return
		}
		next(w, r)
	}
}

// administrator lets users pass that may change things.
func (a accounts) administrator(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch known, ok := a.check(r); {
		case !ok:
			unauthorized(w)
		case !known.admin:
			fail(w, http.StatusForbidden, "this needs a user with admin = true")
		default:
			next(w, r)
		}
	}
}

func unauthorized(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Basic realm="traffic manager", charset="UTF-8"`)
	fail(w, http.StatusUnauthorized, "user name or password is wrong")
}
