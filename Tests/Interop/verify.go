// Verifies a log of ours with golang.org/x/mod alone, as Debian packages it: the checkpoint's signature, the root over all
// records, the proof of one record, and consistency with an older checkpoint.
//
//	verify LOG-FOLDER OLDER-CHECKPOINT PROOF-FILE CONSISTENCY-FILE
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func fail(format string, arguments ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}

func must(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func hash(text string) (hash tlog.Hash) {
	data, err := base64.StdEncoding.DecodeString(text)
	must(err)
	if copy(hash[:], data) != len(data) || len(data) != tlog.HashSize {
		fail("a hash of %d bytes", len(data))
	}
	return
}

func hashes(lines []string) (result []tlog.Hash) {
	for _, line := range lines {
		result = append(result, hash(line))
	}
	return
}

// The size and root of a checkpoint whose signature is good.
func open(data []byte, verifier note.Verifier) (int64, tlog.Hash) {
	opened, err := note.Open(data, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(opened.Text, "\n")
	if lines[0] != verifier.Name() {
		fail("origin %q", lines[0])
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	return size, hash(lines[2])
}

func read(path string) []byte {
	data, err := os.ReadFile(path)
	must(err)
	return data
}

type stored []tlog.Hash

func (hashes stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var result []tlog.Hash
	for _, index := range indexes {
		result = append(result, hashes[index])
	}
	return result, nil
}

func main() {
	folder := os.Args[1]
	verifier, err := note.NewVerifier(strings.TrimSpace(string(read(filepath.Join(folder, "log.vkey")))))
	must(err)
	size, root := open(read(filepath.Join(folder, "checkpoint")), verifier)

	var tree stored
	var records []string
	names, err := filepath.Glob(filepath.Join(folder, "log-*.jsonl"))
	must(err)
	sort.Strings(names)
	for _, name := range names {
		lines := bufio.NewScanner(bytes.NewReader(read(name)))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			more, err := tlog.StoredHashes(int64(len(records)), lines.Bytes(), tree)
			must(err)
			tree = append(tree, more...)
			records = append(records, lines.Text())
		}
		must(lines.Err())
	}
	if int64(len(records)) < size {
		fail("%d records, and the checkpoint has %d", len(records), size)
	}
	computed, err := tlog.TreeHash(size, tree)
	must(err)
	if computed != root {
		fail("the root is wrong")
	}

	oldSize, oldRoot := open(read(os.Args[2]), verifier)
	consistency := strings.SplitN(string(read(os.Args[4])), "\n\n", 2)
	newSize, newRoot := open([]byte(consistency[1]), verifier)
	must(tlog.CheckTree(hashes(strings.Split(consistency[0], "\n")[1:]), newSize, newRoot, oldSize, oldRoot))

	proof := strings.SplitN(string(read(os.Args[3])), "\n\n", 2)
	proofSize, proofRoot := open([]byte(proof[1]), verifier)
	lines := strings.Split(proof[0], "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "extra ") {
		fail("not a proof: %q", lines[0])
	}
	record, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(lines[1], "extra "))
	must(err)
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[2], "index "), 10, 64)
	must(err)
	must(tlog.CheckRecord(hashes(lines[3:]), proofSize, proofRoot, index, tlog.RecordHash(record)))
	if records[index] != string(record) {
		fail("the proof is of another record")
	}
	fmt.Printf("golang.org/x/mod: %d records, root, signature, proof of record %d, consistency from %d: good\n", size, index, oldSize)
}
