package eidas

// ServiceSet is an immutable snapshot of the services of authenticated trusted lists.
type ServiceSet struct {
	services []*Service
	id       string
}

// NewServiceSet indexes services.
func NewServiceSet(id string, services []*Service) *ServiceSet {
	return &ServiceSet{services: services, id: id}
}

// Services returns all services in order. The caller must not change it.
func (s *ServiceSet) Services() []*Service { return s.services }

// ID identifies the snapshot.
func (s *ServiceSet) ID() string { return s.id }
