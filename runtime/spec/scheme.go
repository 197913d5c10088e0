package spec

// URLScheme is what the scheme of an endpoint's URL says about the connection.
type URLScheme struct {
	Secure bool
	HTTP2  bool // and nothing else: by ALPN over TLS, with prior knowledge without
	Whole  bool // the base path is a part of what the backend is asked for (contract 2.6: gRPC)
}

// URLSchemes are those that an endpoint's URL may have. With https, HTTP/2 is
// spoken where the backend offers it.
var URLSchemes = map[string]URLScheme{
	"http":  {},
	"https": {Secure: true},
	"h2c":   {HTTP2: true},
	"grpc":  {HTTP2: true, Whole: true},
	"grpcs": {Secure: true, HTTP2: true, Whole: true},
}
