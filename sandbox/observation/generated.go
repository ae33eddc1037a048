package observation

import "strings"

// pairs says how often a letter follows another in names that people choose,
// as a letter itself: a is 128 times less than by chance, z eight times more.
// Rows are the first letters. Counted in the words of the names of Debian's
// packages (63,682 names, November 2026).
const pairs = "" +
	"krusknrkrhputvjthvuwqpnmpl" +
	"uqtrtqsourouspusmturtonpnl" +
	"vkqoumlvqgvuojxretrurlijmf" +
	"vsqqyqqmxkmqqpuqjssormljof" +
	"sqtsroojnhltsvnqmyvumppsnj" +
	"vmpnuungxdjupkvphttssimmqd" +
	"tnppxoqruiktqsurhvtrslmklk" +
	"xlppymigvjkopmwqhrquskmhrg" +
	"qztrrpqejemtswsqhqttjogoan" +
	"xorqwppnuckppnusknxptnmmkj" +
	"vqqsympnwimrrotqhrusslpjoj" +
	"ulnpvlkhzdlsmhuneksqqlijoi" +
	"yrppxnnkvgktrlvvjnrpskkgnf" +
	"untuvrvlulponptohluwrpjloi" +
	"pqtskorjolputwttgwttsnqpjh" +
	"wmqqwnosudmuomusgvstriliue" +
	"qorqnmololgvsknqlrrxzmnkgi" +
	"wnrrxnojvhpprovphpttqpjhqg" +
	"smtpwmmtugpqrottomuxrnojqd" +
	"vnroxoltwhoqokvqgvtsqjnkqk" +
	"rsrrspqiuhmtuvlsavvwkkgohl" +
	"woqqzmokygkoqotodopqoighla" +
	"xoopxonrxgmqtsuoistqmiknld" +
	"rqtsurpnuknrvnquistxmmopsk" +
	"ursrtpqmpknttuswlrwtpmnmfl" +
	"vpopznlmwhksqoulinpnpmmntu"

// Generated tells whether a label of a name looks as if a program had made it
// up: pairs of letters that names do not have, or letters and digits by turns.
// Of words that people choose about one in a hundred looks so, of random ones
// nine in ten: only many of them mean something.
func Generated(label string) bool {
	if len(label) < minGenerated {
		return false
	}
	label = strings.ToLower(label)
	sum, n, turns := 0, 0, 0
	for i := 1; i < len(label); i++ {
		a, b := label[i-1], label[i]
		switch {
		case isLetter(a) && isLetter(b):
			sum += int(pairs[int(a-'a')*26+int(b-'a')] - 'a')
			n++
		case isLetter(a) && isDigit(b), isDigit(a) && isLetter(b):
			turns++
		}
	}
	// The letter for "as by chance" is 17.5; half a step below it is the line.
	return turns >= 4 || n >= minGenerated/2 && float64(sum)/float64(n) < 17
}

// minGenerated is how long a label must be to be judged.
const minGenerated = 7

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
