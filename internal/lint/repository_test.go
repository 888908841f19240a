package lint

import (
	"bytes"
	"encoding/json/jsontext"
	"encoding/json/v2"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/pitwheel/pitwheel"

// repository is the checkout as the checks see it: read once, by all of them.
type repository struct {
	root     string
	packages []*pkg
	files    map[string]string // text by slash-separated path from the root, without binary files
	fset     *token.FileSet
}

// pkg is a package of the root module, or of the one in integration, as go list prints it.
type pkg struct {
	ImportPath   string
	Name         string
	Dir          string
	GoFiles      []string
	TestGoFiles  []string
	XTestGoFiles []string
	Imports      []string
	TestImports  []string
	XTestImports []string

	path   string // from the repository's root, "." for the root package
	parsed []*goFile
}

// goFile is a parsed Go file.
type goFile struct {
	path string // from the root
	test bool
	ast  *ast.File
}

// load gives the repository; it ends the test if it cannot be read.
func load(t *testing.T) *repository {
	t.Helper()
	r, err := loadOnce()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var loadOnce = sync.OnceValues(func() (*repository, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return nil, err
	}
	r := &repository{root: root, files: map[string]string{}, fset: token.NewFileSet()}
	if err := r.readFiles(); err != nil {
		return nil, err
	}
	for _, module := range []string{".", "integration"} {
		if err := r.listPackages(module); err != nil {
			return nil, err
		}
	}
	return r, nil
})

// readFiles reads every text file but those that git keeps out.
func (r *repository) readFiles() error {
	return filepath.WalkDir(r.root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains([]string{".git", ".cover", ".work", "bin"}, d.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if d.Name() == ".git" || !d.Type().IsRegular() { // of a linked work tree; a link
			return nil
		}
		text, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			return nil
		}
		if err != nil || bytes.IndexByte(text, 0) >= 0 {
			return err
		}
		rel, err := filepath.Rel(r.root, name)
		r.files[filepath.ToSlash(rel)] = string(text)
		return err
	})
}

// listPackages lists those of the module in that directory.
func (r *repository) listPackages(directory string) error {
	const fields = "ImportPath,Name,Dir,GoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports"
	list := exec.Command("go", "list", "-e", "-json="+fields, "./...")
	list.Dir = filepath.Join(r.root, directory)
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	for d := jsontext.NewDecoder(bytes.NewReader(out)); ; {
		p := &pkg{}
		if err := json.UnmarshalDecode(d, p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("go list's JSON: %w", err)
		}
		p.path = strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		if p.path == "" {
			p.path = "."
		}
		if err := r.parse(p); err != nil {
			return err
		}
		r.packages = append(r.packages, p)
	}
}

func (r *repository) parse(p *pkg) error {
	for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
		f := &goFile{path: path.Join(p.path, name), test: strings.HasSuffix(name, "_test.go")}
		var err error
		f.ast, err = parser.ParseFile(r.fset, f.path, r.files[f.path], parser.ParseComments)
		if err != nil {
			return err
		}
		p.parsed = append(p.parsed, f)
	}
	return nil
}

// goFiles is every Go file of the packages.
func (r *repository) goFiles() []*goFile {
	var all []*goFile
	for _, p := range r.packages {
		all = append(all, p.parsed...)
	}
	return all
}

// sorted is the paths of the text files that end in suffix.
func (r *repository) sorted(suffix string) []string {
	var paths []string
	for name := range r.files {
		if strings.HasSuffix(name, suffix) {
			paths = append(paths, name)
		}
	}
	slices.Sort(paths)
	return paths
}

// at is "file:line" of a node.
func (r *repository) at(n ast.Node) string {
	p := r.fset.Position(n.Pos())
	return fmt.Sprintf("%s:%d", p.Filename, p.Line)
}

// lines numbers a file's lines from 1.
func (r *repository) lines(name string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		n := 0
		for line := range strings.Lines(r.files[name]) {
			if n++; !yield(n, strings.TrimSuffix(line, "\n")) {
				return
			}
		}
	}
}
