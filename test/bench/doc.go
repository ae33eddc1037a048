// Command bench measures the gate beside its peers, all in one run on one
// machine. First the proxy: the gate with policies that let everything pass, the
// distribution project's registry as a pull-through cache, and nginx with the
// same blob as a file. It prints the table of docs/performance.md.
//
//	make bench-proxy
//	./test/bench/compare -rounds 5 -for 10s -skip cold
//
// With the argument webhook it measures admission reviews over TLS: those of
// the gate, and of other webhooks that run already.
//
//	make bench-webhook
//	go run ./test/bench webhook -sallyport build/sallyport -dir /tmp/bench -rounds 0 -memory 1000000
//
// The load and the upstream are this process; each server is one of its own,
// whose CPU time and memory, with its children's, are read from /proc. MB and
// GB are powers of ten. Walls depend on what else the machine does; CPU time
// hardly does.
package main
