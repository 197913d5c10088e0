// Command client calls the service of the gRPC sample through a gateway and
// prints the status of each call.
//
//	go run ./client -addr 127.0.0.1:9090 -method Few -times 6
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"mgw/samples/grpc/echo"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:9090", "the gateway")
	method := flag.String("method", "Say", "Say, Few or Mine")
	times := flag.Int("times", 1, "how often")
	token := flag.String("token", "", "bearer token")
	flag.Parse()
	if err := call(*addr, *method, *times, *token); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func call(addr, method string, times int, token string) error {
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	for range times {
		text, err := echo.Client{Conn: conn}.Say(ctx, method, "hello")
		s := status.Convert(err)
		fmt.Printf("%s: %s %s\n", s.Code(), text, s.Message())
	}
	return nil
}
