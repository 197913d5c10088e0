// Package config reads micro-gw.conf, and the traffic manager's configuration.
//
// In go the file's bytes, overrides of the command line and the environment;
// out comes a Config (or TrafficManager) with every default filled in, and a
// list of all that is wrong, each with its place. Precedence: command line,
// environment, file, default (contract section 1.8).
//
// What keys exist, how each is read, its default and its status stand in one
// table (the keys methods). A key outside it is an error; a warning is one that
// is read and not acted on yet, or that means something to the original only.
//
// The package never prints a value that may be a secret, opens no connection
// and reads no file but those that a ...File key of a secret names; of the
// others it looks whether they are there.
package config

import (
	"net/netip"
	"time"
)

// Config is the configuration of one gateway. Times are durations whatever
// unit the file gives them in, paths are absolute or relative to the working
// directory.
type Config struct {
	File string // "" when there was none

	Listener     Listener
	Auth         Auth
	KeyManager   KeyManager
	Issuers      []*Issuer // [[jwtTokenConfig]]
	Revocation   Revocation
	TokenCache   Cache // [caching]
	Users        []*User
	MutualTLS    MutualTLS
	APIKey       APIKey
	BackendJWT   BackendJWT
	Throttling   Throttling
	Clients      Clients // [httpClients]
	Validation   Validation
	Interceptors Interceptors
	Server       Server
	Cached       ResponseCache // [responseCache]
	EventHub     EventHub
	ClaimsUser   Account // [apim.credentials]
	Log          Log
	AccessLog    AccessLog
	Admin        Admin
	Etcd         Etcd
	Reload       Reload

	Endpoints []*EndpointOverride

	// Files are those that keys name and that the gateway reads, the ones of
	// secrets among them.
	Files []string
}

// Interceptors is [interceptorConfig].
type Interceptors struct {
	MaxBodySize int // what an interceptor reads of one body at most
	Timeout     time.Duration
}

// Account is a name and what proves it.
type Account struct {
	Username string
	Password Secret
}

// KeyStore is a PKCS#12 file.
type KeyStore struct {
	Path     string
	Password Secret
}

// Listener is [listenerConfig] and [http2].
type Listener struct {
	Host                 string
	HTTPPort, HTTPSPort  int // 0: the system chooses
	TokenPort            int
	KeyStore, TrustStore KeyStore
	CertificateFile      string // PEM, in place of KeyStore
	PrivateKeyFile       string
	KeepAlive            string // AUTO, ALWAYS, NEVER
	MaxURILength         int
	MaxHeaderSize        int
	MaxBodySize          int64 // -1: any
	TrustedProxies       []netip.Prefix
	Engine               string // fast, standard
	HTTP2                bool
	HeaderTimeout        time.Duration
	BodyTimeout          time.Duration // without progress
	WriteTimeout         time.Duration // without progress
	IdleTimeout          time.Duration
	TunnelTimeout        time.Duration // without a byte on an upgraded connection; 0 is unbounded
	ShutdownTimeout      time.Duration
	ShutdownDelay        time.Duration // /ready says no, requests are still accepted
}

// Auth is [authConfig], [jwtConfig], [security] and the clock skew.
type Auth struct {
	Header                string // where the credential is expected
	RemoveHeader          bool   // before the backend
	BackendJWTHeader      string
	ValidateSubscriptions bool
	TimestampSkew         time.Duration
}

// Issuer is one [[jwtTokenConfig]].
type Issuer struct {
	Issuer               string
	Audience             string // "": any
	CertificateAlias     string // in the trust store
	CertificateFile      string // PEM: certificate or public key
	JWKSURL              string
	ConsumerKeyClaim     string // "": consumerKey, client_id or azp
	RoleClaim            string
	ValidateSubscription bool
	Development          bool
	RemoteClaims         bool
	Claims               []*ClaimMapping
}

// ClaimMapping renames a claim of the token.
type ClaimMapping struct{ Remote, Local string }

// KeyManager is [keyManager] and [keymanager.security].
type KeyManager struct {
	ServerURL              string // "": there is none
	TokenContext           string
	IntrospectFailedJWT    bool
	LegacyMode             bool
	RemoteClaims           bool
	Issuer                 string
	Basic                  bool
	BasicAccount           Account
	OAuth2                 bool
	CredentialBearer       string
	TokenURL               string
	ClientCredentials      OAuth2Grant
	PasswordGrant          OAuth2Grant
	DirectToken            bool
	AccessToken            Secret
	RefreshGrant           OAuth2Grant
	RefreshURL             string
	RefreshToken           Secret
	TrustedCertificateFile string // PEM; key servers' certificates beside the system's
	RoleClaim              string // of what introspection tells
}

// OAuth2Grant is one way to get an access token for the key manager.
type OAuth2Grant struct {
	Enabled      bool
	ClientID     string
	ClientSecret Secret
	Scopes       []string
	Account      Account
}

// Revocation is [tokenRevocationConfig].
type Revocation struct {
	Realtime          bool
	Topic             string
	ProviderURL       Secret // may hold a password
	Broker            Account
	Persistent        bool
	PersistentType    string // default, etcd, custom
	PersistentURL     string
	PersistentAccount Account
}

// Cache bounds a cache of credentials.
type Cache struct {
	Enabled  bool
	Expiry   time.Duration
	Capacity int
	Eviction float64
}

// User is one [b7a.users.NAME].
type User struct {
	Name     string
	Password Secret // SHA digest in hex, @sha256:{hex} ..., or bcrypt
	Scopes   []string
}

// MutualTLS is [mutualSSLConfig].
type MutualTLS struct {
	ProtocolVersions  []string
	Ciphers           []string
	VerifyClient      string // optional, require
	CertificateHeader string
	ValidateClient    bool
	Certificates      []*APICertificates
}

// APICertificates names the client certificates that an API accepts.
type APICertificates struct {
	Name, Version string
	Aliases       []string
}

// APIKey is [apikey.*].
type APIKey struct {
	Issuer              string
	CertificateAlias    string
	ValidateAllowedAPIs bool

	Issue       bool // serve /apikey
	KeyStore    KeyStore
	IssuedBy    string
	IssuerAlias string
	Validity    time.Duration // -1: never expires
	APIs        []*KeyAPI
}

// KeyAPI is an API that issued keys are good for.
type KeyAPI struct {
	Name     string
	Versions []string
}

// BackendJWT is [jwtGeneratorConfig].
type BackendJWT struct {
	Enabled          bool
	ClaimDialect     string
	SigningAlgorithm string
	CertificateAlias string
	PrivateKeyAlias  string
	Expiry           time.Duration
	RestrictedClaims []string
	Issuer           string
	Audience         []string
	Cache            Cache
}

// Throttling is [throttlingConfig].
type Throttling struct {
	ApplicationKey      string // application, applicationUser
	EnableUnlimitedTier bool
	IPv6Prefix          int
	MemoryBudget        int64  // bytes
	RateLimitHeaders    string // refused, always, off
	XRateLimitHeaders   bool
	PoliciesFile        string // in place of what was built in; a folder too

	HeaderConditions bool
	QueryConditions  bool
	ClaimConditions  bool

	ClusterMode string // trafficManager, lease
	Manager     Manager
	Redis       Redis
}

// Manager is how the gateway reaches a traffic manager.
type Manager struct {
	Enabled          bool // enabledGlobalTMEventPublishing
	ProviderURL      Secret
	Broker           Account
	Endpoints        []string // throttleEndpointUrl
	EndpointMode     string   // failover, all
	Credentials      Secret   // user:password
	CertificateFile  string   // trusted for Endpoints and Retriever
	EventFormat      string   // array, single
	QueueSize        int
	ClockSkew        time.Duration
	DecisionSource   string // jms, poll
	Retriever        string // dataRetriever.serverUrl
	RetrieverAccount Account
}

// Redis is [throttlingConfig.redis] and what concerns leases.
type Redis struct {
	URLs             []Secret // none: limits are per node
	Account          Account
	Database         int
	SentinelMaster   string
	SentinelPassword Secret
	Cluster          bool // URLs are nodes of a Redis Cluster; so are several without a sentinel
	CertificateFile  string
	KeyPrefix        string
	DialTimeout      time.Duration
	Timeout          time.Duration
	OnFailure        string // share, open, closed
	AddressTiers     string // lease, share
	RefusalStatus    int    // of a spent backend throughput: 503, 429
	WindowHeader     bool   // backends see the window of each request's token
}

// Clients is [httpClients]: the way to backends.
type Clients struct {
	VerifyHostname  bool
	SkipVerify      bool // disableSslVerification
	HTTP2           bool
	LegacyStatus    bool
	TrustStore      KeyStore
	CertificateFile string   // PEM, further roots
	MoreTrust       KeyStore // sslConfig's
	KeyStore        KeyStore // what the gateway shows backends
	Proxy           Proxy
	MaxActive       int // -1: any
	MaxIdle         int
	Wait            time.Duration
	MaxStreams      int
	MaxStatusLine   int
	MaxHeaderSize   int
	MaxBodySize     int64         // -1: any
	DNSRefresh      time.Duration // names of backends are looked up again; 0: never
}

// Proxy is [httpClients.proxy].
type Proxy struct {
	Enabled  bool
	Internal bool
	Host     string
	Port     int
	Account  Account
}

// Validation is [validationConfig].
type Validation struct {
	Request, Response bool
	MaxBodySize       int // bytes
}

// Server is [server].
type Server struct {
	Header  string // of answers that have no Server field; "" adds none
	Headers []*HeaderOverride
}

// ResponseCache is [responseCache]: the memory of x-wso2-response-cache.
type ResponseCache struct {
	Memory  int64 // bytes
	MaxBody int   // bytes of a body that is kept
}

// HeaderOverride is one [[server.headerConf]].
type HeaderOverride struct {
	Name     string
	Preserve bool
	Override string // "" takes the field out
}

// EventHub is [apim.eventHub].
type EventHub struct {
	Enabled   bool
	URL       string
	Context   string
	Account   Account
	Listeners []Secret
}

// Log is [b7a.log].
type Log struct {
	Level  string // TRACE, DEBUG, INFO, WARN, ERROR, OFF
	Format string // text, json
}

// AccessLog is [b7a.http.accesslog].
type AccessLog struct {
	Console bool
	Path    string
	Format  string // text, json
}

// Admin is [adminConfig].
type Admin struct {
	Enabled bool
	Host    string
	Port    int
	Token   Secret
}

// Reload is [reloadConfig].
type Reload struct{ Watch bool }

// Etcd is where etcd(KEY, DEFAULT) endpoints come from.
type Etcd struct {
	URL      string
	Account  Account
	BasePath string
	Every    time.Duration
}

// EndpointOverride is what NAME_prod_... or NAME_sand_... says of an endpoint
// (contract 1.8).
type EndpointOverride struct {
	Name     string
	Sandbox  bool
	URLs     map[int]string
	EtcdKeys map[int]string
	Account  Account
}
