package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// guard is one mutant: a check that can be taken out of the code.
type guard struct {
	file, function string
	line           int
	text           string // the source of the check, on one line
	change         string // what is put in its place
	start, end     int    // offsets of the source that is wrapped
	before, after  string // what is written around it, %d being the number of the mutant
	// name is the key in the list of equivalent mutants. It has no line number: a
	// list must survive an edit above.
	name string
}

// finder collects the guards of one file.
type finder struct {
	fset   *token.FileSet
	file   string
	source []byte
	guards []*guard
}

// function is the one that a statement stands in.
type function struct {
	*finder
	name    string
	results []string // types, as written
	kind    kind
	refuses bool // its last statement is a refusal
}

// kind is how a function says no.
type kind int

const (
	kindOther kind = iota // by nil, "", 0 or an empty value
	kindError             // by the last result, an error
	kindBool              // by the last result, false
	kindPlain             // by a bare return, having answered itself
)

func (f *finder) find(tree *ast.File) {
	for _, d := range tree.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Body != nil {
				f.function(functionName(d), d.Type, d.Body)
			}
		case *ast.GenDecl:
			ast.Inspect(d, func(n ast.Node) bool { return f.literal("var", n) })
		}
	}
	slices.SortStableFunc(f.guards, func(a, b *guard) int { return a.start - b.start })
	seen := map[string]int{}
	for _, g := range f.guards {
		g.name = fmt.Sprintf("%s %s: %s -> %s", g.file, g.function, g.text, g.change)
		if seen[g.name]++; seen[g.name] > 1 {
			g.name += fmt.Sprintf(" #%d", seen[g.name])
		}
	}
}

// literal visits a function without a name on its own; false: it was one.
func (f *finder) literal(outer string, n ast.Node) bool {
	if lit, ok := n.(*ast.FuncLit); ok {
		f.function(outer+".func", lit.Type, lit.Body)
		return false
	}
	return true
}

func functionName(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.Name
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.Ident:
			return x.Name + "." + d.Name.Name
		default:
			return d.Name.Name
		}
	}
}

func (f *finder) function(name string, t *ast.FuncType, body *ast.BlockStmt) {
	fn := &function{finder: f, name: name}
	if t.Results != nil {
		for _, r := range t.Results.List {
			for range max(1, len(r.Names)) {
				fn.results = append(fn.results, f.src(r.Type))
			}
		}
	}
	fn.kind = fn.kindOf(t)
	if n := len(body.List); n > 0 {
		last, ok := body.List[n-1].(*ast.ReturnStmt)
		fn.refuses = ok && fn.refusal(last)
		if ok && fn.refuses && fn.kind != kindOther && fn.kind != kindPlain && fn.certain(last) {
			fn.statement(last.Pos(), fn.accept(), fn.src(last))
		}
	}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			fn.branch(n)
		case *ast.SwitchStmt:
			fn.cases(n.Body, n.Tag == nil)
		case *ast.TypeSwitchStmt:
			fn.cases(n.Body, false)
		case *ast.ReturnStmt:
			fn.returned(n)
		}
		return f.literal(name, n)
	})
}

func (f *function) kindOf(t *ast.FuncType) kind {
	if len(f.results) == 0 {
		for _, p := range t.Params.List {
			if f.src(p.Type) == "http.ResponseWriter" {
				return kindPlain
			}
		}
		return kindOther
	}
	last := f.results[len(f.results)-1]
	switch {
	case last == "error", last == "*Error", strings.HasPrefix(last, "*") && strings.HasSuffix(last, ".Error"):
		return kindError
	case last == "bool":
		return kindBool
	}
	return kindOther
}

// branch takes the operands of an if as guards where it leads to a refusal, or
// leads past one.
func (f *function) branch(s *ast.IfStmt) {
	otherwise, _ := s.Else.(*ast.BlockStmt)
	switch {
	case f.ends(s.Body.List):
		f.operands(s.Cond, false)
	case otherwise != nil && f.ends(otherwise.List), f.refuses && f.accepts(s.Body.List):
		f.operands(s.Cond, true)
	}
}

func (f *function) cases(body *ast.BlockStmt, boolean bool) {
	terminating := false
	for _, s := range body.List {
		if c, ok := s.(*ast.CaseClause); ok && c.List == nil {
			terminating = true
		}
	}
	for _, s := range body.List {
		c, ok := s.(*ast.CaseClause)
		terminating = terminating && ok && len(c.Body) > 0 && isReturn(c.Body[len(c.Body)-1])
	}
	for _, s := range body.List {
		c, ok := s.(*ast.CaseClause)
		if !ok {
			continue
		}
		refused := f.ends(c.Body)
		switch {
		case boolean && c.List != nil && (refused || f.refuses && f.accepts(c.Body)):
			for _, e := range c.List {
				f.operands(e, !refused)
			}
		case refused && terminating:
			f.statement(c.Colon+1, f.accept(), f.clause(c))
		case refused:
			f.statement(c.Colon+1, "break", f.clause(c))
		}
	}
}

func isReturn(s ast.Stmt) bool {
	_, ok := s.(*ast.ReturnStmt)
	return ok
}

// returned takes the operands of a boolean that is returned, and the error of a
// check that is passed on, as guards.
func (f *function) returned(s *ast.ReturnStmt) {
	if len(s.Results) == 0 || len(s.Results) != len(f.results) {
		return
	}
	switch last := ast.Unparen(s.Results[len(s.Results)-1]).(type) {
	case *ast.BinaryExpr:
		if f.kind == kindBool && (last.Op == token.LAND || last.Op == token.LOR) {
			f.operands(last.X, last.Op == token.LAND)
			f.operands(last.Y, last.Op == token.LAND)
		}
	case *ast.CallExpr:
		if f.kind == kindError && !f.refusal(s) {
			f.add(&guard{change: "nil", before: "mutantNil(%d, ", after: ")"}, last.Pos(), last.End(), f.src(last))
		}
	}
}

// operands takes a condition apart. neutral is what an operand is when it says
// nothing: false between ||, true between &&.
func (f *function) operands(e ast.Expr, neutral bool) {
	inner := ast.Unparen(e)
	if b, ok := inner.(*ast.BinaryExpr); ok && (b.Op == token.LOR || b.Op == token.LAND) {
		and := b.Op == token.LAND
		if and != neutral {
			f.boolean(inner, neutral)
		}
		f.operands(b.X, and)
		f.operands(b.Y, and)
		return
	}
	f.boolean(inner, neutral)
}

func (f *function) boolean(e ast.Expr, neutral bool) {
	change := fmt.Sprint(neutral)
	f.add(&guard{change: change, before: "mutantBool(%d, ", after: ", " + change + ")"}, e.Pos(), e.End(), f.src(e))
}

// statement puts a way out before a statement that refuses.
func (f *function) statement(at token.Pos, out, text string) {
	f.add(&guard{change: strings.Fields(out)[0], before: " if mutantHere(%d) { " + out + " }; "}, at, at, text)
}

// clause is the head of a case and its last statement.
func (f *function) clause(c *ast.CaseClause) string {
	head := string(f.source[f.fset.Position(c.Pos()).Offset:f.fset.Position(c.Colon).Offset])
	return head + ": " + f.src(c.Body[len(c.Body)-1])
}

// accept is a return that refuses nothing.
func (f *function) accept() string {
	values := make([]string, len(f.results))
	for i, t := range f.results {
		values[i] = "*new(" + t + ")"
	}
	if f.kind == kindBool {
		values[len(values)-1] = "true"
	}
	return strings.TrimSpace("return " + strings.Join(values, ", "))
}

func (f *function) add(g *guard, start, end token.Pos, text string) {
	p := f.fset.Position(start)
	g.file, g.function, g.line, g.text = f.file, f.name, p.Line, strings.Join(strings.Fields(text), " ")
	g.start, g.end = p.Offset, f.fset.Position(end).Offset
	f.guards = append(f.guards, g)
}

func (f *finder) src(n ast.Node) string {
	return string(f.source[f.fset.Position(n.Pos()).Offset:f.fset.Position(n.End()).Offset])
}
