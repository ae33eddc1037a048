package canary

import (
	"archive/zip"
	"bytes"
	"fmt"
	"path"
	"strings"
)

// Documents are what people keep, in dir and below it: for a thief to take, and
// for extortion to encrypt. All name the secret Document.
func (s *Set) Documents(dir string) []File {
	secret := s.Value(Document)
	var files []File
	add := func(name string, content []byte) {
		files = append(files, File{Path: path.Join(dir, name), Content: content, Mode: 0o644, Own: true})
	}
	for i, name := range []string{"Contract Hartmann", "Offer 2024-118", "Minutes of the board", "Salaries"} {
		add(name+".docx", officeFile("word/document.xml", fmt.Sprintf(`<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>%s</w:body></w:document>`,
			paragraphs("<w:p><w:r><w:t>", "</w:t></w:r></w:p>", secret, 30+9*i))))
	}
	for i, name := range []string{"Budget 2025", "Inventory"} {
		add("finance/"+name+".xlsx", officeFile("xl/worksheets/sheet1.xml", fmt.Sprintf(`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>`,
			paragraphs(`<row><c t="inlineStr"><is><t>`, "</t></is></c></row>", secret, 60+20*i))))
	}
	for i, name := range []string{"Invoice 4711", "Invoice 4712", "Tax return"} {
		add("finance/"+name+".pdf", pdf(paragraphs("(", ") Tj T*\n", secret, 25+11*i)))
	}
	var customers strings.Builder
	customers.WriteString("id,name,email,iban,reference\n")
	for i := range 120 {
		fmt.Fprintf(&customers, "%d,Customer %d,customer%d@shop.example.com,DE%020d,%s-%d\n", 1000+i, i, i, 37040044053201300+i*7919, secret, i)
	}
	add("customers.csv", []byte(customers.String()))
	add("passwords.txt", []byte(paragraphs("", "\n", secret, 20)))
	add("finance/orders.csv", []byte("order,amount,account\n"+paragraphs("", ",199.00,DE89370400440532013000\n", secret, 80)))
	return files
}

// paragraphs is n pieces of text, each between before and after.
func paragraphs(before, after, secret string, n int) string {
	words := []string{"The parties agree as follows.", "Payment is due within thirty days to account " + secret + ".", "Both sides keep this confidential.", "See the annex for prices and terms."}
	var b strings.Builder
	for i := range n {
		b.WriteString(before)
		fmt.Fprintf(&b, "%d. %s", i+1, words[i%len(words)])
		b.WriteString(after)
	}
	return b.String()
}

// officeFile is as much of an Office Open XML file (ECMA-376) as programs look
// at to know one.
func officeFile(part, content string) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, f := range [][2]string{
		{"[Content_Types].xml", `<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>`},
		{part, `<?xml version="1.0" encoding="UTF-8"?>` + content},
	} {
		part, err := w.Create(f[0])
		if err != nil { // to memory: cannot fail
			continue
		}
		_, _ = part.Write([]byte(f[1]))
	}
	_ = w.Close()
	return b.Bytes()
}

// pdf is a page of text (ISO 32000-1 §7.5).
func pdf(text string) []byte {
	var b bytes.Buffer
	var at []int
	object := func(content string) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(at), content)
	}
	b.WriteString("%PDF-1.4\n")
	object("<< /Type /Catalog /Pages 2 0 R >>")
	object("<< /Type /Pages /Kids [3 0 R] /Count 1 >>")
	object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>")
	stream := "BT /F1 10 Tf 12 TL 50 800 Td\n" + text + "ET"
	object(fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(stream), stream))
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, n := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	return b.Bytes()
}
