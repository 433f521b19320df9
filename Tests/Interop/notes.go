// Writes the verdicts of golang.org/x/mod's sumdb/note on signed notes, for our parser to agree with: the cases of its own
// tests, and every small change of a good note. scripts/test-interop compares them with Tests/Fixtures/note/verdicts.json.
package main

import (
	"encoding/json"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

const (
	peterKey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
	enochKey = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
	text     = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
	peter    = "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
	enoch    = "\u2014 EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)

type verdict struct {
	Name string `json:"name"`
	Note []byte `json:"note"`
	Key  string `json:"key"`
	Says string `json:"says"`
}

// One letter for each change of one byte: good, malformed, unverified (no known key signed it), invalid signature.
type changes struct {
	Note    []byte `json:"note"`
	Key     string `json:"key"`
	Raised  string `json:"raised"`
	Removed string `json:"removed"`
	Doubled string `json:"doubled"`
	Cut     string `json:"cut"`
}

func judge(message []byte, key string) string {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		panic(err)
	}
	_, err = note.Open(message, note.VerifierList(verifier))
	switch err.(type) {
	case nil:
		return "g"
	case *note.UnverifiedNoteError:
		return "u"
	case *note.InvalidSignatureError:
		return "i"
	}
	return "m"
}

func main() {
	cases := []verdict{}
	add := func(name, message, key string) {
		cases = append(cases, verdict{name, []byte(message), key, judge([]byte(message), key)})
	}
	signed := text + "\n" + peter
	broken := func(line string) string { return line[:60] + "ABCD" + line[60:] }
	add("one signature known, one not", signed+enoch, peterKey)
	add("one signature known, one not, the other key", signed+enoch, enochKey)
	add("signed by another key only", text+"\n"+enoch, peterKey)
	add("100 signatures", text+"\n"+strings.Repeat(peter, 100), peterKey)
	add("101 signatures", text+"\n"+strings.Repeat(peter, 101), peterKey)
	add("101 signatures of a stranger", text+"\n"+strings.Repeat(peter, 101), enochKey)
	add("a signature that is too long", text+"\n"+broken(peter), peterKey)
	add("a stranger's signature that is too long", text+"\n"+broken(peter), enochKey)
	add("signatures twice", signed+peter+enoch+enoch+broken(enoch), peterKey)
	add("no signatures", text, peterKey)
	add("no signatures after the empty line", text+"\n", peterKey)
	add("the last line has no end", signed[:len(signed)-1], peterKey)
	add("a control character", "\x01"+signed, peterKey)
	add("not UTF-8", "\xff"+signed, peterKey)
	add("a name with a space", text+"\n"+strings.Replace(peter, "PeterNeumann", "Bad Name", 1), peterKey)
	add("a line that is no signature", signed+"Unexpected line.\n", peterKey)
	add("another name", text+"\n"+strings.Replace(peter, "PeterNeumann", "CarmenSandiego", 1), peterKey)
	add("another key's number", text+"\n"+strings.Replace(peter, "x08g", "xxxx", 1), peterKey)
	add("a name with a plus", text+"\n"+strings.Replace(peter, "PeterNeumann", "Peter+Neumann", 1), peterKey)
	add("a name with a wide space", text+"\n"+strings.Replace(peter, "PeterNeumann", "Peter\u3000Neumann", 1), peterKey)
	add("a name with a next line", text+"\n"+strings.Replace(peter, "PeterNeumann", "Peter\u0085Neumann", 1), peterKey)
	add("no name", text+"\n"+strings.Replace(peter, "PeterNeumann", "", 1), peterKey)
	add("base64 without its end", text+"\n"+strings.Replace(peter, "=", "", 1), peterKey)
	add("base64 for URLs", text+"\n"+strings.Replace(peter, "/", "_", 1), peterKey)
	add("base64 with a bit too many", text+"\n"+strings.Replace(peter, "AM=", "AN=", 1), peterKey)
	add("a signature of no bytes", text+"\n\u2014 PeterNeumann x08gow==\n", peterKey)
	add("a hyphen for the dash", text+"\n"+strings.Replace(peter, "\u2014", "-", 1), peterKey)
	add("an empty line between signatures", signed+"\n"+enoch, peterKey)
	add("an empty line in the text", strings.Replace(text, "\n", "\n\n", 1)+"\n"+peter, peterKey)
	add("no text", "\n"+peter, peterKey)
	add("only an empty line of text", "\n\n"+peter, peterKey)
	add("line ends of Windows", strings.ReplaceAll(signed, "\n", "\r\n"), peterKey)
	add("a byte order mark", "\ufeff"+signed, peterKey)
	add("nothing", "", peterKey)

	base := []byte(signed + enoch)
	each := changes{Note: base, Key: peterKey}
	for at := range base {
		raised := append([]byte{}, base...)
		raised[at]++
		each.Raised += judge(raised, peterKey)
		each.Removed += judge(append(append([]byte{}, base[:at]...), base[at+1:]...), peterKey)
		each.Doubled += judge(append(append([]byte{}, base[:at+1]...), base[at:]...), peterKey)
		each.Cut += judge(base[:at], peterKey)
	}
	output := json.NewEncoder(os.Stdout)
	output.SetIndent("", " ")
	if err := output.Encode(map[string]interface{}{"cases": cases, "changes": each}); err != nil {
		panic(err)
	}
}
