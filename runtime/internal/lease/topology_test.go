package lease

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// patient is a time-out that a busy machine does not reach.
const patient = 2 * time.Second

// keepsTheLimit offers three times the limit to nodes and wants it held, and
// most of it served once.
func keepsTheLimit(t *testing.T, limits []*Limit) {
	t.Helper()
	var c tally
	ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	count := limits[0].spec.Count
	for _, l := range limits {
		offer(ctx, &wg, l, constant(3*float64(count)/float64(len(limits))), c.add)
	}
	wg.Wait()
	most := int64(0)
	for window, n := range c.windows {
		most = max(most, n)
		if n > count {
			t.Errorf("%d of %d taken in window %d", n, count, window)
		}
	}
	if most < count/4 {
		t.Errorf("no window has more than %d of %d taken", most, count)
	}
}

var shared = Spec{Key: "backend", Count: 200, Window: time.Second, Reserve: true}

func TestRedisWithAUserAPasswordAndADatabase(t *testing.T) {
	s := startRedis(t, "--user", "gateway", "on", ">secret", "~gw:*", "+@all", "-@dangerous")
	options := Options{URLs: []string{s.url() + "/3"}, Username: "gateway", Password: "secret", KeyPrefix: "gw", Timeout: patient}
	keepsTheLimit(t, startNodes(t, 2, options, shared))
	options.Password = "another"
	n := startNode(t, options)
	eventually(t, 30*time.Second, "the refusal to be told", func() bool { return strings.Contains(n.Status().LastError, "WRONGPASS") })
	if strings.Contains(n.Status().LastError, "another") {
		t.Error("the error shows the password")
	}
}

// certify writes a certificate for the loopback and its key, and gives what
// trusts it.
func certify(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"tls.crt": {Type: "CERTIFICATE", Bytes: certificate}, "tls.key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(certificate)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	return pool
}

func TestRedisBehindTLS(t *testing.T) {
	dir, secure := t.TempDir(), freePort(t)
	trusted := certify(t, dir)
	startRedis(t, "--tls-port", secure, "--tls-auth-clients", "no", "--tls-cert-file", filepath.Join(dir, "tls.crt"), "--tls-key-file", filepath.Join(dir, "tls.key"))
	url := "rediss://127.0.0.1:" + secure
	keepsTheLimit(t, startNodes(t, 2, Options{URLs: []string{url}, TLS: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}, Timeout: patient}, shared))
	n := startNode(t, Options{URLs: []string{url}})
	eventually(t, 30*time.Second, "the certificate to be refused", func() bool { return strings.Contains(n.Status().LastError, "certificate") })
}

func TestSentinelsNameTheNewMaster(t *testing.T) {
	master := startRedis(t)
	replica := startRedis(t, "--replicaof", "127.0.0.1 "+master.port)
	port, dir := freePort(t), t.TempDir()
	settings := "port " + port + "\nbind 127.0.0.1\nsentinel monitor mgw 127.0.0.1 " + master.port + " 1\n" +
		"sentinel down-after-milliseconds mgw 300\nsentinel failover-timeout mgw 2000\n"
	if err := os.WriteFile(filepath.Join(dir, "sentinel.conf"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	sentinel := exec.Command("redis-server", filepath.Join(dir, "sentinel.conf"), "--sentinel")
	sentinel.Dir = dir
	if err := sentinel.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sentinel.Process.Kill(); sentinel.Wait() })
	says := func(command, what string) func() bool {
		return func() bool {
			out, _ := exec.Command("redis-cli", append([]string{"-p", port}, strings.Fields(command)...)...).Output()
			return strings.Contains(string(out), what)
		}
	}
	eventually(t, 30*time.Second, "the sentinel to know the replica", says("sentinel replicas mgw", replica.port))
	limits := startNodes(t, 2, Options{URLs: []string{"redis://127.0.0.1:" + port}, SentinelMaster: "mgw", Timeout: patient}, shared)
	keepsTheLimit(t, limits)
	master.kill()
	eventually(t, 30*time.Second, "the replica to be master", says("sentinel get-master-addr-by-name mgw", replica.port))
	eventually(t, 30*time.Second, "the nodes to find it", func() bool { return limits[0].leases.Status().Answers && limits[1].leases.Status().Answers })
	keepsTheLimit(t, limits)
}

func TestLimitsAreSpreadOverARedisCluster(t *testing.T) {
	var servers []*server
	create := []string{"--cluster", "create"}
	for range 3 {
		s := startRedis(t, "--cluster-enabled", "yes", "--cluster-port", freePort(t), "--cluster-require-full-coverage", "no")
		servers, create = append(servers, s), append(create, "127.0.0.1:"+s.port)
	}
	if out, err := exec.Command("redis-cli", append(create, "--cluster-yes")...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	// One node's address is enough: it names the others.
	o := Options{URLs: []string{servers[0].url()}, Cluster: true, Timeout: patient}
	nodes := []*node{startNode(t, o), startNode(t, o)}
	var first []*Limit
	for key := range 8 {
		s := shared
		s.Key += strconv.Itoa(key)
		limits := []*Limit{nodes[0].limit(t, s), nodes[1].limit(t, s)}
		for _, l := range limits {
			eventually(t, 30*time.Second, "half the limit as share", func() bool { return l.Stats().Nodes == 2 && l.Stats().Share == s.Count/2 })
		}
		if first == nil {
			first = limits
		}
	}
	keepsTheLimit(t, first)
	holders := 0
	for _, s := range servers {
		client := s.client()
		if keys, err := client.Keys(t.Context(), "mgw:{*}:l:*").Result(); err != nil {
			t.Error(err)
		} else if len(keys) > 0 {
			holders++
		}
		client.Close()
	}
	if holders < 2 {
		t.Errorf("eight limits are kept on %d of three servers", holders)
	}
}
