package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
)

// printPorts is `bench ports N`: so many ports of this machine that are free.
func printPorts(args []string) error {
	if len(args) != 1 {
		return errors.New("say how many")
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer ln.Close() // all stay open until all are known
		fmt.Println(ln.Addr().(*net.TCPAddr).Port)
	}
	return nil
}

// checkDenies is `bench denies URL IMAGE`: an error unless the webhook denies a
// pod of the image.
func checkDenies(args []string) error {
	if len(args) != 2 {
		return errors.New("name the webhook's address and an image")
	}
	a := admitter{url: args[0], http: admissionClient(&tls.Config{InsecureSkipVerify: true})}
	err := a.review(reviews(args[1:], 1)[0])
	if err == nil {
		return errors.New("the pod is allowed")
	}
	if !errors.Is(err, errDenied) {
		return err
	}
	return nil
}
