package sealtest

import (
	"fmt"
	"slices"

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
	// quirk lifts the rule that is broken, or has the attack refused for another one.
	quirk qseal.Quirk

	ahead, twinAhead edit // not nil: another message with the same id goes ahead
	again            edit // not nil: the sealed message goes again, after this
}

// nothing is the edit of a message that is lawful, where one has to be there.
func nothing(*draft) {}

// early is the Want of what net/http refuses.
const early = qseal.Reason(0xff)

// Attacks returns the attacks on a profile, in order of their items; none for one
// that the kit does not know. An attack that breaks a rule which a quirk of the
// profile lifts is none: see [Kit.Exclusions].
func (k *Kit) Attacks(p qseal.Profile) []*Attack {
	attacks, _ := k.attacks(p)
	return attacks
}

// attacks are those on a profile, and those that its quirks lift.
func (k *Kit) attacks(p qseal.Profile) (out, lifted []*Attack) {
	known := catalogue()
	i := slices.IndexFunc(known, func(c *profile) bool { return c.id == p.Name() })
	if i < 0 {
		return nil, nil
	}
	for _, g := range k.groups() {
		for _, r := range g.rows {
			a := k.attack(known[i], g, r)
			switch {
			case g.of&a.p.set == 0 || r.only != 0 && r.only&a.p.set == 0:
			case r.quirk&p.AllowedQuirks() != 0:
				lifted = append(lifted, a)
			default:
				out = append(out, a)
			}
		}
	}
	return out, lifted
}

// attack is a row of a table.
func (k *Kit) attack(p *profile, g group, r row) *Attack {
	a := &Attack{Item: g.item, Name: r.name, Profile: p.id, Want: g.want, Cause: r.cause, kit: k, p: p, row: r}
	if r.want != 0 {
		a.Want = r.want
	}
	if a.Want == early {
		a.Want = 0
	}
	return a
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
