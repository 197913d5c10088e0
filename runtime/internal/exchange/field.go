package exchange

// FieldID names a field that the gateway itself reads or writes, so that
// looking for one compares numbers.
type FieldID uint16

// The fields known by number. Other is every other name.
const (
	Other FieldID = iota
	AcceptEncoding
	Accept
	AccessControlRequestHeaders
	AccessControlRequestMethod
	Age
	Allow
	Authorization
	CacheControl
	Connection
	ContentEncoding
	ContentLength
	ContentType
	Cookie
	Date
	ETag
	Expect
	Expires
	Forwarded
	Host
	IfMatch
	IfModifiedSince
	IfNoneMatch
	IfRange
	IfUnmodifiedSince
	KeepAlive
	LastModified
	Location
	Origin
	Pragma
	ProxyAuthenticate
	ProxyAuthorization
	ProxyConnection
	Range
	RetryAfter
	Server
	SetCookie
	TE
	Trailer
	TransferEncoding
	Upgrade
	UserAgent
	Vary
	Via
	WWWAuthenticate
	XForwardedFor
	XForwardedHost
	XForwardedProto
	fieldCount
)

var fieldNames = [fieldCount]string{
	AcceptEncoding:              "Accept-Encoding",
	Accept:                      "Accept",
	AccessControlRequestHeaders: "Access-Control-Request-Headers",
	AccessControlRequestMethod:  "Access-Control-Request-Method",
	Age:                         "Age",
	Allow:                       "Allow",
	Authorization:               "Authorization",
	CacheControl:                "Cache-Control",
	Connection:                  "Connection",
	ContentEncoding:             "Content-Encoding",
	ContentLength:               "Content-Length",
	ContentType:                 "Content-Type",
	Cookie:                      "Cookie",
	Date:                        "Date",
	ETag:                        "ETag",
	Expect:                      "Expect",
	Expires:                     "Expires",
	Forwarded:                   "Forwarded",
	Host:                        "Host",
	IfMatch:                     "If-Match",
	IfModifiedSince:             "If-Modified-Since",
	IfNoneMatch:                 "If-None-Match",
	IfRange:                     "If-Range",
	IfUnmodifiedSince:           "If-Unmodified-Since",
	KeepAlive:                   "Keep-Alive",
	LastModified:                "Last-Modified",
	Location:                    "Location",
	Origin:                      "Origin",
	Pragma:                      "Pragma",
	ProxyAuthenticate:           "Proxy-Authenticate",
	ProxyAuthorization:          "Proxy-Authorization",
	ProxyConnection:             "Proxy-Connection",
	Range:                       "Range",
	RetryAfter:                  "Retry-After",
	Server:                      "Server",
	SetCookie:                   "Set-Cookie",
	TE:                          "TE",
	Trailer:                     "Trailer",
	TransferEncoding:            "Transfer-Encoding",
	Upgrade:                     "Upgrade",
	UserAgent:                   "User-Agent",
	Vary:                        "Vary",
	Via:                         "Via",
	WWWAuthenticate:             "WWW-Authenticate",
	XForwardedFor:               "X-Forwarded-For",
	XForwardedHost:              "X-Forwarded-Host",
	XForwardedProto:             "X-Forwarded-Proto",
}

// String gives the name as the gateway writes it.
func (id FieldID) String() string { return fieldNames[id] }

// Identify finds the number of a name, without case.
func Identify(name []byte) FieldID { return identify(name) }

// IdentifyString is Identify for a string.
func IdentifyString(name string) FieldID { return identify(name) }

// byShape lists the known fields by length and last letter, which tells nearly
// all of them apart.
var byShape = func() (table [32][32][]FieldID) {
	for id := Other + 1; id < fieldCount; id++ {
		name := fieldNames[id]
		shape := &table[len(name)][name[len(name)-1]&31]
		*shape = append(*shape, id)
	}
	return table
}()

func identify[T string | []byte](name T) FieldID {
	if len(name) == 0 || len(name) >= len(byShape) {
		return Other
	}
	for _, id := range byShape[len(name)][name[len(name)-1]&31] {
		if equalFold(name, fieldNames[id]) {
			return id
		}
	}
	return Other
}

// equalFold compares field names, which are ASCII, without case.
func equalFold[T string | []byte](a T, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(b) {
		if x, y := a[i], b[i]; x != y && lower(x) != lower(y) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
