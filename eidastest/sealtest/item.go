package sealtest

// Items is how many items the attack list has: they are numbered from 1.
const Items = 53

// Title returns what an item of the attack list is about, "" for what is none.
func Title(item int) string {
	if item < 1 || item > Items {
		return ""
	}
	return titles()[item-1]
}

func titles() [Items]string {
	return [...]string{
		"all fields of the seal are removed",
		"a part of the seal is removed",
		"what must be sealed is not",
		"a conditional field is there and not sealed, or sealed and not there",
		"more is sealed than may be",
		"a sealed field has several lines",
		"a field is listed twice",
		"two signatures",
		"a parameter is there twice",
		"nothing is listed as sealed",
		"the digest is wrong, cut short or of a weak hash",
		"a message without body, and a body where none is sealed",
		"times: old, ahead, expired, unreadable, two of them",
		"a seal or its id is used again",
		"a seal is used for another method or path",
		"a nonce is used again",
		"the seal names another certificate",
		"the seal names a certificate by a URL",
		"the seal is of another TPP than the connection",
		"an identity that looks like another",
		"a website certificate seals",
		"a natural person's certificate seals",
		"a certificate without PSD2 roles",
		"a certificate out of its time, revoked, or of a withdrawn service",
		"a copy of a certificate that nobody vouches for",
		"a certificate beside the digest of another",
		"a certificate whose key is not for signatures",
		"the next certificate of a TPP, which must pass, and of another one",
		"no algorithm, and one with a secret key",
		"the algorithm of another kind of key",
		"the padding and salt of RSA",
		"the curve of another hash",
		"the encoding and the range of r and s",
		"SHA-1 under another name",
		"RSA keys that are too short or have a wrong exponent",
		"crit of JOSE",
		"b64 of JOSE",
		"hostile JSON, hostile tokens, more parts than there can be",
		"base64, or a parameter, in another spelling",
		"the list of sealed fields: names, case, what is absent",
		"a digest of a certificate in place of its text",
		"bindings with another content type, times, members or certificates",
		"the request target decoded, or in absolute form",
		"a path that a mux changes",
		"a query that a proxy cuts",
		"fields that Connection has removed",
		"octets of a header: folded, not UTF-8, look-alikes",
		"a coded body",
		"chunks, trailers and 100-continue",
		"a body beyond the cap",
		"a body that is changed where a decoder does not look",
		"a request that names two hosts",
		"somebody else's verdict in the message",
	}
}
