package wire

import "mgw/runtime/internal/reply"

// refusal is why a request is not served: what the client is told, and what
// the log is.
type refusal struct {
	fault *reply.Fault
	why   string
}

func (r *refusal) Error() string { return r.why }

// Fault is what the client is told.
func (r *refusal) Fault() *reply.Fault { return r.fault }

func bad(why string) *refusal { return &refusal{reply.BadRequest, why} }

// Refusals by RFC 9112 unless another text is named.
var (
	errLineEnd       = bad("a line does not end in CRLF")
	errRequestLine   = bad("malformed request line")
	errPlaintext     = &refusal{reply.PlaintextPort, "TLS on the plaintext port"}
	errMethod        = bad("malformed method")
	errTarget        = bad("malformed request target")
	errMisdirected   = bad("the request target contradicts Host or the scheme")
	errVersion       = bad("malformed HTTP version")
	errFold          = bad("obsolete line folding")
	errFieldName     = bad("malformed field name")
	errFieldValue    = bad("forbidden byte in a field value")
	errHost          = bad("not exactly one valid Host")
	errLength        = bad("not exactly one valid Content-Length")
	errFraming       = bad("Content-Length beside Transfer-Encoding, or framing that HTTP/1.0 does not know")
	errCoding        = bad("malformed Transfer-Encoding")
	errExpectation   = &refusal{reply.ExpectationFailed, "unknown expectation"}
	errUnknownCoding = &refusal{reply.NotImplemented, "unknown transfer coding"}
	errConnectMethod = &refusal{reply.NotImplemented, "CONNECT"}
	errUnknown       = &refusal{reply.VersionNotSupported, "unknown HTTP version"}
	errTargetLong    = &refusal{reply.URITooLong, "request target too long"}
	errHeadLarge     = &refusal{reply.HeaderTooLarge, "head too large"}
	errFieldsMany    = &refusal{reply.HeaderTooLarge, "too many fields"}
	errBodyLarge     = &refusal{reply.BodyTooLarge, "body too large"}
	errHeadSlow      = &refusal{reply.RequestTimeout, "the head did not arrive in time"}
	errBodySlow      = &refusal{reply.RequestTimeout, "the body did not arrive in time"}
	errChunk         = bad("malformed chunk")
	errChunkExt      = bad("chunk extensions too long")
)
