package auth

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"mgw/runtime/internal/exchange"
)

const challengeUsers = `Basic Auth realm="WSO2 API Microgateway", error="invalid token" , error_description="The access token expired"`

// password is everybody's.
const password = "pass:word"

func bcryptOf(t testing.TB) string {
	t.Helper()
	d, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(d)
}

func testUsers(t testing.TB) []User {
	s1, s256, s384, s512 := sha1.Sum([]byte(password)), sha256.Sum256([]byte(password)), sha512.Sum384([]byte(password)), sha512.Sum512([]byte(password))
	return []User{
		{Name: "bcrypt", Password: bcryptOf(t), Scopes: []string{"admin"}},
		{Name: "sha1", Password: hex.EncodeToString(s1[:])},
		{Name: "sha256", Password: fmt.Sprintf("@sha256:{%x}", s256)},
		{Name: "sha384", Password: fmt.Sprintf("@sha384:{%x}", s384)},
		{Name: "sha512", Password: fmt.Sprintf("@sha512:{%X}", s512)},
	}
}

func withUsers(t testing.TB) *bench {
	return setUp(t, func(o *Options) { o.Users = testUsers(t) })
}

func basicField(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

func TestUsersAreKnownByEachKindOfDigest(t *testing.T) {
	b := withUsers(t)
	for _, u := range b.options.Users {
		for _, scheme := range []string{"Basic ", "bAsIc  "} { // the second time from the cache
			field := scheme + strings.TrimPrefix(basicField(u.Name, password), "Basic ")
			g := b.passes(b.request(0, opBasic, "Authorization", field))
			p := g.Principal
			if p.Kind != exchange.Basic || p.Subject != u.Name || p.Application.ID != u.Name || g.SubscriptionTier != "Default" || p.KeyType != exchange.Production {
				t.Errorf("%s: %+v", u.Name, p)
			}
		}
		b.refused(b.request(0, opBasic, "Authorization", basicField(u.Name, "wrong")), 900911)
		b.refused(b.request(0, opBasic, "Authorization", basicField(u.Name, password+" ")), 900911)
	}
	b.quiet(password, basicField("bcrypt", password))
}

func TestRefusalsOfUsersHaveExactAnswers(t *testing.T) {
	encode := base64.StdEncoding.EncodeToString
	wrong := answer{401, 900911, fault("900911", "Invalid Credentials", "Invalid Credentials. Make sure you have given the correct username and password"), challengeUsers}
	format := answer{401, 900912, fault("900912", "Invalid Format", `Invalid Format. Make sure you have given the credentials in correct format with \":\" character`), challengeUsers}
	undecodable := answer{500, 900900, fault("900900", "Unclassified Authentication Failure", "Unclassified Authentication Failure. Unclassified Authentication Failure"), ""}
	b := withUsers(t)
	for name, tc := range map[string]struct {
		field string
		want  answer
	}{
		"wrong password":     {basicField("bcrypt", "x"), wrong},
		"no such user":       {basicField("nobody", password), wrong},
		"empty password":     {basicField("bcrypt", ""), wrong},
		"empty name":         {basicField("", password), wrong},
		"oversized":          {basicField("bcrypt", strings.Repeat("x", 9000)), wrong},
		"no colon":           {"Basic " + encode([]byte("bcrypt")), format},
		"nothing":            {"Basic", format},
		"not base64":         {"Basic !!!", undecodable},
		"base64 in two ways": {"Basic YTpiYR==", undecodable},
		"a token":            {"Bearer a.b.c", answer{401, 900917, fault("900917", "Invalid Authentication scheme", "Invalid Authentication scheme. API can not be used with this authentication scheme"), challengeUsers}},
		"the digest for one": {basicField("sha1", b.options.Users[1].Password), wrong},
	} {
		t.Run(name, func(t *testing.T) {
			if got := b.refused(b.request(0, opBasic, "Authorization", tc.field), tc.want.code); got != tc.want {
				t.Errorf("got  %+v\nwant %+v", got, tc.want)
			}
		})
	}
}

func TestScopesOfUsersApply(t *testing.T) {
	b := withUsers(t)
	b.apis[0].Operations[opBasic].Security.Scopes = []string{"admin"}
	b.rules = newRules(&b.options)
	b.passes(b.request(0, opBasic, "Authorization", basicField("bcrypt", password)))
	b.refused(b.request(0, opBasic, "Authorization", basicField("sha1", password)), 900910)
}

// countingDigest counts comparisons and may hold them up.
type countingDigest struct {
	mu    sync.Mutex
	n     int
	block chan struct{}
}

func (d *countingDigest) matches(p []byte) bool {
	d.mu.Lock()
	d.n++
	d.mu.Unlock()
	if d.block != nil {
		<-d.block
	}
	return string(p) == password
}

func TestADigestIsComparedOncePerCredential(t *testing.T) {
	b := withUsers(t)
	d := &countingDigest{block: make(chan struct{})}
	b.users.byName["bcrypt"].digest = d
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() { b.Authenticate(b.request(0, opBasic, "Authorization", basicField("bcrypt", password))) })
	}
	eventually(t, "a comparison", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return d.n > 0 })
	close(d.block)
	group.Wait()
	b.passes(b.request(0, opBasic, "Authorization", basicField("bcrypt", password)))
	if d.n > 10 || d.n < 1 {
		t.Errorf("compared %d times", d.n)
	}
	n := d.n
	for range 10 {
		b.passes(b.request(0, opBasic, "Authorization", basicField("bcrypt", password)))
	}
	if d.n != n {
		t.Error("compared again though cached")
	}
}

func TestMissingUsersCostTheSameAsWrongPasswords(t *testing.T) {
	b := withUsers(t)
	slow := &countingDigest{}
	b.users.decoy, b.users.slow = slow, slow
	for _, name := range []string{"nobody", "sha1", "sha512"} {
		slow.n = 0
		if b.users.find(name, []byte("wrong")) != nil || slow.n == 0 {
			t.Errorf("%s: the slow digest was compared %d times", name, slow.n)
		}
	}
}

func TestTooManyComparisonsAreRefusedNotQueuedForEver(t *testing.T) {
	b := withUsers(t)
	b.options.FetchTimeout = 20 * time.Millisecond
	for range cap(b.users.slots) {
		b.users.slots <- struct{}{}
	}
	b.refused(b.request(0, opBasic, "Authorization", basicField("bcrypt", password)), 900900)
}

func TestPasswordsThatAreNoDigestsAreRefused(t *testing.T) {
	for _, text := range []string{"", "secret-password", "@sha256:{00}", "@md5:{00}", "@sha1", "$2a$", "$2a$99$" + strings.Repeat("x", 53), strings.Repeat("z", 40)} {
		_, err := New(Options{Now: newFakeClock().now, Users: []User{{Name: "ann", Password: text}}})
		if err == nil || !strings.Contains(err.Error(), "ann") {
			t.Errorf("%q: %v", text, err)
		} else if text != "" && strings.Contains(err.Error(), text) && len(text) > 5 {
			t.Errorf("the error quotes the password: %v", err)
		}
	}
}

func TestACachedUserAllocatesNothing(t *testing.T) {
	b := withUsers(t)
	x := b.request(0, opBasic, "Authorization", basicField("bcrypt", password))
	b.options.KeepCredentials = true
	run := func() { b.Authenticate(x) }
	run()
	if n := testing.AllocsPerRun(100, run); n != 0 || x.Grant == nil {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParseDigest(f *testing.F) {
	f.Add("@sha256:{00}")
	f.Add("$2a$04$abcdefghijklmnopqrstuu5Y8dXy2sIWgiIQz8p1HqVZr3vjb7f6e")
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := parseDigest(text); (err == nil) == (d == nil) {
			t.Errorf("%v, %v", d, err)
		}
	})
}
