package lint

import (
	"fmt"
	"go/ast"
	"testing"
)

// The limits. What is longer has a second concept in it, which wants a file or a function of its
// own; more parameters want a struct.
const (
	fileLinesMax     = 500
	functionLinesMax = 70
	parametersMax    = 5
)

func TestFilesAreSmall(t *testing.T) {
	r := load(t)
	for _, f := range r.goFiles() {
		lines := r.fset.File(f.ast.Pos()).LineCount()
		if lines > fileLinesMax && !excepted(f.path) {
			t.Errorf("%s:%d: the file has %d lines, at most %d: move a concept to a file of its own, "+
				"named by its noun", f.path, fileLinesMax+1, lines, fileLinesMax)
		}
	}
}

func TestFunctionsAreShort(t *testing.T) {
	eachFunction(t, func(at, name string, f *ast.FuncDecl, lines int) {
		if lines > functionLinesMax && !excepted(name) {
			t.Errorf("%s: %s has %d lines, at most %d: give its steps names", at, name, lines, functionLinesMax)
		}
	})
}

func TestParametersAreFew(t *testing.T) {
	eachFunction(t, func(at, name string, f *ast.FuncDecl, _ int) {
		if n := f.Type.Params.NumFields(); n > parametersMax && !excepted(name) {
			t.Errorf("%s: %s has %d parameters, at most %d: make them a struct", at, name, n, parametersMax)
		}
	})
}

// eachFunction visits every function; its name is "file.go:Name" or "file.go:Type.Method".
func eachFunction(t *testing.T, visit func(at, name string, f *ast.FuncDecl, lines int)) {
	t.Helper()
	r := load(t)
	for _, file := range r.goFiles() {
		for _, d := range file.ast.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			lines := r.span(f) + 1
			if file.test {
				lines -= r.tableLines(f)
			}
			visit(r.at(f), fmt.Sprintf("%s:%s", file.path, functionName(f)), f, lines)
		}
	}
}

// span is how many lines after its first a node ends.
func (r *repository) span(n ast.Node) int {
	return r.fset.Position(n.End()).Line - r.fset.Position(n.Pos()).Line
}

// tableLines is how many lines of a test are rows of its tables: data, which may be long.
func (r *repository) tableLines(f *ast.FuncDecl) int {
	lines := 0
	ast.Inspect(f, func(n ast.Node) bool {
		table, ok := n.(*ast.CompositeLit)
		if ok {
			lines += r.span(table)
		}
		return !ok
	})
	return lines
}

// functionName is "Name" or "Type.Method".
func functionName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	return receiver(f) + "." + f.Name.Name
}

// receiver is the name of a method's type, without pointer and type parameters.
func receiver(f *ast.FuncDecl) string {
	for e := f.Recv.List[0].Type; ; {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x.Name
		default:
			return ""
		}
	}
}
