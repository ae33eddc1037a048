package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// maxBody is the largest document that is read, in bytes: policies may carry
// custom checks.
const maxBody = 1 << 20

// failure is the body of every answer that is not a success.
type failure struct {
	Message string `json:"message"`
	Code    int    `json:"code"`
}

func reply(w http.ResponseWriter, code int, v any) error {
	// Encoded first, so that an error can still be answered.
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, err = w.Write(append(b, '\n'))
	return err
}

func noContent(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// decode reads a document of our own: what is not known in it is a mistake.
func decode(r *http.Request, v any) error { return decodeBody(r, v, true) }

// decodeLoose reads a document that other clients write too, with fields that
// mean nothing here.
func decodeLoose(r *http.Request, v any) error { return decodeBody(r, v, false) }

func decodeBody(r *http.Request, v any, strict bool) error {
	d := json.NewDecoder(r.Body)
	if strict {
		d.DisallowUnknownFields()
	}
	err := d.Decode(v)
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			return nil
		}
		err = errors.New("something follows the document")
	}
	return badBody(err)
}

// readBody reads a document as it is.
func readBody(r *http.Request) ([]byte, error) {
	b, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, badBody(err)
	}
	return b, nil
}

func badBody(err error) error {
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return problem(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", tooLarge.Limit)
	}
	if errors.Is(err, io.EOF) {
		return problem(http.StatusBadRequest, "the body is empty: send a JSON document")
	}
	return problem(http.StatusBadRequest, "the body cannot be read as JSON: %v", err)
}

// Page is one page of a list, as Aqua's API has it.
type Page[T any] struct {
	Count    int `json:"count"` // of all pages
	Page     int `json:"page"`  // from 1
	PageSize int `json:"pagesize"`
	Result   []T `json:"result"`
}

const (
	defaultPage = 50
	maxPage     = 200
)

// cutPage gives the part of all that the request asks for.
func cutPage[T any](r *http.Request, all []T) (Page[T], error) {
	number, err := queryNumber(r, 1, "page")
	if err != nil {
		return Page[T]{}, err
	}
	size, err := queryNumber(r, defaultPage, "pagesize", "page_size")
	if err != nil {
		return Page[T]{}, err
	}
	size = min(size, maxPage)
	p := Page[T]{Count: len(all), Page: number, PageSize: size, Result: []T{}}
	if number-1 <= len(all)/size {
		from := (number - 1) * size
		p.Result = append(p.Result, all[from:min(from+size, len(all))]...)
	}
	return p, nil
}

// queryNumber is the first of the parameters that is there, a positive number.
func queryNumber(r *http.Request, absent int, names ...string) (int, error) {
	for _, name := range names {
		text := r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return 0, problem(http.StatusBadRequest, "%s=%.20q: write a number from 1 on", name, text)
		}
		return n, nil
	}
	return absent, nil
}
