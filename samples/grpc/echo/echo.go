// Package echo is the service of the gRPC sample, server and client, without
// generated code: its messages are the wrappers that come with protobuf.
//
//	service Echo {
//	  rpc Say(StringValue) returns (StringValue);
//	  rpc Few(StringValue) returns (StringValue);            // five a minute at the gateway
//	  rpc Mine(StringValue) returns (StringValue);           // with a token at the gateway
//	  rpc Count(Int64Value) returns (stream Int64Value);     // from 1 to it; 0: until cancelled
//	  rpc Sum(stream Int64Value) returns (Int64Value);
//	  rpc Chat(stream StringValue) returns (stream StringValue);
//	}
package echo

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Name of the service.
const Name = "samples.Echo"

// Register makes a server serve it.
func Register(s *grpc.Server) { s.RegisterService(&description, struct{}{}) }

var description = grpc.ServiceDesc{
	ServiceName: Name,
	HandlerType: (*any)(nil),
	Methods: []grpc.MethodDesc{
		{MethodName: "Say", Handler: say}, {MethodName: "Few", Handler: say}, {MethodName: "Mine", Handler: say},
	},
	Streams: []grpc.StreamDesc{
		{StreamName: "Count", Handler: count, ServerStreams: true},
		{StreamName: "Sum", Handler: sum, ClientStreams: true},
		{StreamName: "Chat", Handler: chat, ServerStreams: true, ClientStreams: true},
	},
}

// say answers what it was sent; "fail" fails. What it learned about the call is
// in the metadata that come with the answer.
func say(_ any, ctx context.Context, read func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	in := new(wrapperspb.StringValue)
	if err := read(in); err != nil {
		return nil, err
	}
	if got, ok := metadata.FromIncomingContext(ctx); ok {
		_ = grpc.SetHeader(ctx, metadata.Pairs("saw-for", first(got.Get("x-forwarded-for")), "saw-authorization", first(got.Get("authorization"))))
	}
	_ = grpc.SetTrailer(ctx, metadata.Pairs("said-bin", "\x00\xff"))
	if in.Value == "fail" {
		return nil, status.Error(codes.FailedPrecondition, "it was to fail: 100 %")
	}
	return in, nil
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func count(_ any, stream grpc.ServerStream) error {
	in := new(wrapperspb.Int64Value)
	if err := stream.RecvMsg(in); err != nil {
		return err
	}
	for n := int64(1); n <= in.Value || in.Value == 0; n++ {
		if err := stream.SendMsg(wrapperspb.Int64(n)); err != nil {
			return err
		}
	}
	return nil
}

func sum(_ any, stream grpc.ServerStream) error {
	total, in := int64(0), new(wrapperspb.Int64Value)
	for {
		switch err := stream.RecvMsg(in); {
		case errors.Is(err, io.EOF):
			return stream.SendMsg(wrapperspb.Int64(total))
		case err != nil:
			return err
		}
		total += in.Value
	}
}

func chat(_ any, stream grpc.ServerStream) error {
	in := new(wrapperspb.StringValue)
	for {
		switch err := stream.RecvMsg(in); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := stream.SendMsg(in); err != nil {
			return err
		}
	}
}

// Client calls it.
type Client struct{ Conn grpc.ClientConnInterface }

// Say calls one of Say, Few and Mine.
func (c Client) Say(ctx context.Context, method, text string, options ...grpc.CallOption) (string, error) {
	out := new(wrapperspb.StringValue)
	err := c.Conn.Invoke(ctx, "/"+Name+"/"+method, wrapperspb.String(text), out, options...)
	return out.Value, err
}

// Stream opens one of Count, Sum and Chat.
func (c Client) Stream(ctx context.Context, method string) (grpc.ClientStream, error) {
	return c.Conn.NewStream(ctx, &grpc.StreamDesc{StreamName: method, ServerStreams: true, ClientStreams: true}, "/"+Name+"/"+method)
}
