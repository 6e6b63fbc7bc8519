package sealtest

import (
	"fmt"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qseal"
)

// Attack is a sealed request that breaks one rule of a profile, and a near twin
// that breaks none.
type Attack struct {
	// Item is its number in the attack list, 1 to 53, see Title.
	Item int
	// Name says what is wrong, in a few words, and is unique in its profile and item.
	Name string
	// Profile is the name of the qseal.Profile.
	Profile string
	// Want is why a verifier must refuse it. Zero: no verifier gets to see it,
	// because net/http refuses it.
	Want qseal.Reason
	// Cause is why the Validator refuses, where Want is qseal.ReasonCertificate.
	Cause eidas.Reason

	kit *Kit
	p   *profile
	row row
}

// String returns profile, item and name.
func (a *Attack) String() string { return fmt.Sprintf("%s %d %s", a.Profile, a.Item, a.Name) }

// Messages makes the attack, sealed at the world's time, with an X-Request-ID of
// its own: send it soon. The last message is the attack; those before it must be
// let in. It fails where a key of the kit cannot make the signature.
func (a *Attack) Messages() ([]*Message, error) {
	return a.make(a.row.ahead, a.row.edit, a.row.again)
}

// Twin makes the messages that are next to the attack and must all be let in.
func (a *Attack) Twin() ([]*Message, error) {
	return a.make(a.row.twinAhead, a.row.twin, nil)
}

// make seals a message, and one before it that has the same X-Request-ID.
func (a *Attack) make(ahead, last, again edit) ([]*Message, error) {
	id := newID()
	var out []*Message
	for i, e := range []edit{ahead, last} {
		if i == 0 && ahead == nil {
			continue
		}
		d := a.kit.newDraft(a.p, id)
		d.apply(e)
		m, err := d.seal()
		if err != nil {
			return nil, err
		}
		out = append(out, m)
		if i == 1 && again != nil {
			// The same seal once more.
			d.msg.Lines = append([]Line{}, d.msg.Lines...)
			again(d)
			out = append(out, &d.msg)
		}
	}
	order := a.kit.newDraft(a.p, id).msg
	for _, m := range out {
		m.strays = m.Method != order.Method || m.Target != order.Target || len(m.Body) == 0 || len(values(m.Lines, "Content-Encoding")) > 0
	}
	return out, nil
}

// group is a table of attacks of one item.
type group struct {
	item int
	of   profiles
	want qseal.Reason
	rows []row
}

// row is an attack: the edit that makes a lawful message one. An edit that is nil
// changes nothing.
type row struct {
	name  string
	edit  edit
	twin  edit         // of the near twin
	want  qseal.Reason // zero: that of the group
	cause eidas.Reason
	only  profiles // zero: those of the group

	ahead, twinAhead edit // not nil: another message with the same id goes ahead
	again            edit // not nil: the sealed message goes again, after this
}

// nothing is the edit of a message that is lawful, where one has to be there.
func nothing(*draft) {}

// early is the Want of what net/http refuses.
const early = qseal.Reason(0xff)

// Attacks returns the attacks on a profile, in order of their items; none for one
// that the kit does not know. Quirks that the profile allows are not known
// either: run the strict profile.
func (k *Kit) Attacks(p qseal.Profile) []*Attack {
	var out []*Attack
	for _, c := range catalogue() {
		if c.id != p.Name() {
			continue
		}
		for _, g := range k.groups() {
			for _, r := range g.rows {
				if g.of&c.set == 0 || r.only != 0 && r.only&c.set == 0 {
					continue
				}
				a := &Attack{Item: g.item, Name: r.name, Profile: c.id, Want: g.want, Cause: r.cause, kit: k, p: c, row: r}
				if r.want != 0 {
					a.Want = r.want
				}
				if a.Want == early {
					a.Want = 0
				}
				out = append(out, a)
			}
		}
	}
	return out
}

// groups are all tables.
func (k *Kit) groups() []group {
	var out []group
	for _, table := range [][]group{
		messageAttacks(), timeAttacks(), k.identityAttacks(), algorithmAttacks(), joseAttacks(), k.httpAttacks(),
	} {
		out = append(out, table...)
	}
	return out
}
