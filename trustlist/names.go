package trustlist

import "github.com/seed-b953571c/eidas/internal/xmldsig"

// Namespaces of trusted lists.
const (
	nsTSL   = "http://uri.etsi.org/02231/v2#"                                           // TS 119 612, annex C
	nsTSLX  = "http://uri.etsi.org/02231/v2/additionaltypes#"                           // TS 119 612, annex C
	nsSIE   = "http://uri.etsi.org/TrstSvc/SvcInfoExt/eSigDir-1999-93-EC-TrustedList/#" // Qualifications
	nsXAdES = "http://uri.etsi.org/01903/v1.3.2#"                                       // ObjectIdentifierType
	nsMRA   = "http://ec.europa.eu/tools/lotl/mra/schema/v2#"                           // QcStatementSet
	nsXML   = "http://www.w3.org/XML/1998/namespace"
)

// URIs of TS 119 612 v2.4.1 that this package decides by.
const (
	typeGeneric       = "http://uri.etsi.org/TrstSvc/TrustedList/TSLType/EUgeneric"         // D.1: a national list
	typeListOfLists   = "http://uri.etsi.org/TrstSvc/TrustedList/TSLType/EUlistofthelists"  // D.1: the LOTL
	uriCAQC           = "http://uri.etsi.org/TrstSvc/Svctype/CA/QC"                         // 5.5.1.1
	uriGranted        = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/granted"         // 5.5.4
	uriForSignatures  = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/ForeSignatures" // 5.5.9.4
	uriForSeals       = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/ForeSeals"
	uriForWebSiteAuth = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/ForWebSiteAuthentication"
	uriQCStatement    = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/QCStatement" // 5.5.9.2.3
	mimeTSL           = "application/vnd.etsi.tsl+xml"                                   // 5.3.13, in any case
)

func tsl(local string) xmldsig.Name  { return xmldsig.Name{Space: nsTSL, Local: local} }
func tslx(local string) xmldsig.Name { return xmldsig.Name{Space: nsTSLX, Local: local} }
func sie(local string) xmldsig.Name  { return xmldsig.Name{Space: nsSIE, Local: local} }
