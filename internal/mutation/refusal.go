package main

import (
	"go/ast"
	"go/token"
	"strings"
)

// ends reports whether statements end in a refusal: a return of one, one put
// into err or refusal, or a check that ends in one.
func (f *function) ends(list []ast.Stmt) bool {
	if len(list) == 0 {
		return false
	}
	switch last := list[len(list)-1].(type) {
	case *ast.ReturnStmt:
		return f.refusal(last)
	case *ast.AssignStmt:
		target, ok := ast.Unparen(last.Lhs[len(last.Lhs)-1]).(*ast.Ident)
		if star, isStar := last.Lhs[len(last.Lhs)-1].(*ast.StarExpr); isStar {
			target, ok = star.X.(*ast.Ident)
		}
		return ok && last.Tok == token.ASSIGN && isErrorName(target.Name) && f.isError(last.Rhs[len(last.Rhs)-1])
	case *ast.IfStmt:
		return last.Else == nil && f.ends(last.Body.List)
	}
	return false
}

// accepts reports whether statements end in a return that refuses nothing.
func (f *function) accepts(list []ast.Stmt) bool {
	if len(list) == 0 {
		return false
	}
	last, ok := list[len(list)-1].(*ast.ReturnStmt)
	if !ok || len(last.Results) == 0 || len(last.Results) != len(f.results) {
		return false
	}
	value := f.src(last.Results[len(last.Results)-1])
	return f.kind == kindError && value == "nil" || f.kind == kindBool && value == "true"
}

// refusal reports whether a return says no, in the way of its function.
func (f *function) refusal(s *ast.ReturnStmt) bool {
	if len(s.Results) == 0 {
		return f.kind == kindPlain
	}
	if len(s.Results) != len(f.results) {
		return false // whatever another function says
	}
	last := ast.Unparen(s.Results[len(s.Results)-1])
	switch f.kind {
	case kindError:
		return f.isError(last)
	case kindBool:
		return f.src(last) == "false"
	case kindOther:
		for _, r := range s.Results {
			if !f.isZero(r) {
				return false
			}
		}
		return true
	case kindPlain:
	}
	return false
}

// isError reports an expression that is an error for certain, or the variable
// of one: a call counts when it is told what is wrong.
func (f *function) isError(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return e.Name != "nil"
	case *ast.SelectorExpr, *ast.UnaryExpr:
		return true
	case *ast.CallExpr:
		for _, a := range e.Args {
			switch a := ast.Unparen(a).(type) {
			case *ast.BasicLit:
				if a.Kind == token.STRING {
					return true
				}
			case *ast.Ident:
				if strings.HasPrefix(a.Name, "Reason") || isErrorName(a.Name) {
					return true
				}
			case *ast.SelectorExpr:
				if strings.HasPrefix(a.Sel.Name, "Reason") {
					return true
				}
			}
		}
	}
	return false
}

// certain reports whether a refusal at the end of a function is one, and not a
// variable that may be nil.
func (f *function) certain(s *ast.ReturnStmt) bool {
	if f.kind == kindBool {
		return true
	}
	switch e := ast.Unparen(s.Results[len(s.Results)-1]).(type) {
	case *ast.Ident:
		return strings.HasPrefix(e.Name, "err") && e.Name != "err"
	case *ast.SelectorExpr:
		return false
	}
	return true
}

func isErrorName(name string) bool { return name == "err" || name == "refusal" }

// isZero reports nil, "", 0 and an empty composite.
func (f *function) isZero(e ast.Expr) bool {
	switch f.src(e) {
	case "nil", `""`, "0":
		return true
	}
	c, ok := e.(*ast.CompositeLit)
	return ok && len(c.Elts) == 0
}
