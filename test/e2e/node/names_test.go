package node

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// serveNames answers for the names of Services as a cluster's DNS does: with
// the Service's address, and those of its ready pods when it is headless.
// Kubernetes itself brings no DNS server.
func serveNames(t *testing.T, n *node) {
	conn, err := net.ListenPacket("udp", nodeIP+":53")
	if err != nil {
		t.Errorf("the cluster's DNS: %v", err)
		return
	}
	go func() { <-t.Context().Done(); conn.Close() }()
	for buf := make([]byte, 1500); ; {
		size, client, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if answer, err := n.answer(buf[:size]); err == nil {
			_, _ = conn.WriteTo(answer, client)
		}
	}
}

func (n *node) answer(query []byte) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) == 0 {
		return nil, fmt.Errorf("no question: %v", err)
	}
	q := m.Questions[0]
	m.Response, m.Authoritative, m.RecursionAvailable, m.Additionals = true, true, true, nil
	labels := strings.Split(strings.TrimSuffix(strings.ToLower(q.Name.String()), "."+domain+"."), ".")
	if len(labels) != 3 || labels[2] != "svc" {
		m.RCode = dnsmessage.RCodeNameError
		return m.Pack()
	}
	addresses, err := n.service(labels[1], labels[0])
	if err != nil {
		m.RCode = dnsmessage.RCodeNameError
	}
	for _, a := range addresses {
		if ip := net.ParseIP(a).To4(); ip != nil && q.Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, TTL: 5},
				Body:   &dnsmessage.AResource{A: [4]byte(ip)},
			})
		}
	}
	return m.Pack()
}

// service are the addresses for which the name of a Service stands.
func (n *node) service(namespace, name string) ([]string, error) {
	var service struct {
		Spec struct {
			ClusterIP string `json:"clusterIP"`
		} `json:"spec"`
	}
	if err := n.get("/api/v1/namespaces/"+namespace+"/services/"+name, &service); err != nil {
		return nil, err
	}
	if service.Spec.ClusterIP != "None" {
		return []string{service.Spec.ClusterIP}, nil
	}
	var slices struct {
		Items []struct {
			Endpoints []struct {
				Addresses  []string `json:"addresses"`
				Conditions struct {
					Ready *bool `json:"ready"`
				} `json:"conditions"`
			} `json:"endpoints"`
		} `json:"items"`
	}
	if err := n.get("/apis/discovery.k8s.io/v1/namespaces/"+namespace+"/endpointslices?labelSelector=kubernetes.io/service-name%3D"+name, &slices); err != nil {
		return nil, err
	}
	var all []string
	for _, s := range slices.Items {
		for _, e := range s.Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				all = append(all, e.Addresses...)
			}
		}
	}
	return all, nil
}

func (n *node) get(path string, into any) error {
	req, err := http.NewRequest(http.MethodGet, "https://"+nodeIP+":6443"+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	client := n.client()
	defer client.CloseIdleConnections()
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
