package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
)

type named struct {
	ID   int64  `json:"id"`
	Name string `json:"name"`
}

type pet struct {
	ID        int64    `json:"id"`
	Name      string   `json:"name"`
	Category  *named   `json:"category,omitempty"`
	PhotoURLs []string `json:"photoUrls"`
	Tags      []named  `json:"tags,omitempty"`
	Status    string   `json:"status"`
}

type order struct {
	ID       int64  `json:"id"`
	PetID    int64  `json:"petId"`
	Quantity int32  `json:"quantity"`
	ShipDate string `json:"shipDate,omitempty"`
	Status   string `json:"status"`
	Complete bool   `json:"complete"`
}

type user struct {
	ID        int64  `json:"id"`
	Username  string `json:"username"`
	FirstName string `json:"firstName,omitempty"`
	LastName  string `json:"lastName,omitempty"`
	Email     string `json:"email,omitempty"`
	Password  string `json:"password,omitempty"`
	Phone     string `json:"phone,omitempty"`
	Status    int32  `json:"userStatus"`
}

// shop keeps everything in memory, behind one lock.
type shop struct {
	mu     sync.Mutex
	pets   map[int64]pet
	orders map[int64]order
	users  map[string]user
	lastID int64
}

// maxBody bounds what a request may send.
const maxBody = 1 << 20

func newShop() http.Handler {
	s := &shop{
		pets: map[int64]pet{
			1: {ID: 1, Name: "Rex", Category: &named{1, "dogs"}, PhotoURLs: []string{}, Tags: []named{{1, "loud"}}, Status: "available"},
			2: {ID: 2, Name: "Mia", Category: &named{2, "cats"}, PhotoURLs: []string{}, Tags: []named{{2, "quiet"}}, Status: "available"},
			3: {ID: 3, Name: "Tweety", Category: &named{3, "birds"}, PhotoURLs: []string{}, Status: "sold"},
		},
		orders: map[int64]order{},
		users:  map[string]user{},
		lastID: 3,
	}
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(*http.Request) (int, any){
		"PUT /pet":                      s.updatePet,
		"POST /pet":                     s.addPet,
		"GET /pet/findByStatus":         s.findByStatus,
		"GET /pet/findByTags":           s.findByTags,
		"GET /pet/{petId}":              s.getPet,
		"POST /pet/{petId}":             s.changePet,
		"DELETE /pet/{petId}":           s.deletePet,
		"POST /pet/{petId}/uploadImage": s.uploadImage,
		"GET /store/inventory":          s.inventory,
		"POST /store/order":             s.placeOrder,
		"GET /store/order/{orderId}":    s.getOrder,
		"DELETE /store/order/{orderId}": s.deleteOrder,
		"POST /user":                    s.addUser,
		"POST /user/createWithList":     s.addUsers,
		"GET /user/login":               s.login,
		"GET /user/logout":              func(*http.Request) (int, any) { return http.StatusNoContent, nil },
		"GET /user/{username}":          s.getUser,
		"PUT /user/{username}":          s.updateUser,
		"DELETE /user/{username}":       s.deleteUser,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			status, answer := handle(r)
			write(w, status, answer)
		})
	}
	return mux
}

func write(w http.ResponseWriter, status int, answer any) {
	if answer == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The client is gone if this fails, and nobody is left to tell.
	_ = json.NewEncoder(w).Encode(answer)
}

type message struct {
	Code    int    `json:"code"`
	Type    string `json:"type"`
	Message string `json:"message"`
}

func refuse(status int, format string, args ...any) (int, any) {
	return status, message{status, "error", fmt.Sprintf(format, args...)}
}

func number(r *http.Request, name string) int64 {
	n, err := strconv.ParseInt(r.PathValue(name), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// update runs change on the shop with a decoded body.
func update[T any](s *shop, r *http.Request, change func(T) (int, any)) (int, any) {
	var body T
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		return refuse(http.StatusBadRequest, "reading the body: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return change(body)
}

func (s *shop) updatePet(r *http.Request) (int, any) {
	return update(s, r, func(p pet) (int, any) {
		if _, ok := s.pets[p.ID]; !ok {
			return refuse(http.StatusNotFound, "no pet %d", p.ID)
		}
		s.pets[p.ID] = p
		return http.StatusOK, p
	})
}

func (s *shop) addPet(r *http.Request) (int, any) {
	return update(s, r, func(p pet) (int, any) {
		s.lastID++
		p.ID, p.Status = s.lastID, cmp.Or(p.Status, "available")
		s.pets[p.ID] = p
		return http.StatusCreated, p
	})
}

func (s *shop) findByStatus(r *http.Request) (int, any) {
	status := cmp.Or(r.URL.Query().Get("status"), "available")
	return s.find(func(p pet) bool { return p.Status == status })
}

func (s *shop) findByTags(r *http.Request) (int, any) {
	tags := r.URL.Query()["tags"]
	return s.find(func(p pet) bool {
		return slices.ContainsFunc(p.Tags, func(t named) bool { return slices.Contains(tags, t.Name) })
	})
}

func (s *shop) find(want func(pet) bool) (int, any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := []pet{}
	for _, id := range slices.Sorted(maps.Keys(s.pets)) {
		if want(s.pets[id]) {
			found = append(found, s.pets[id])
		}
	}
	return http.StatusOK, found
}

func (s *shop) getPet(r *http.Request) (int, any) {
	return s.withPet(r, func(p pet) (int, any) { return http.StatusOK, p })
}

func (s *shop) withPet(r *http.Request, use func(pet) (int, any)) (int, any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.pets[number(r, "petId")]
	if !ok {
		return refuse(http.StatusNotFound, "no pet %s", r.PathValue("petId"))
	}
	return use(p)
}

func (s *shop) changePet(r *http.Request) (int, any) {
	return s.withPet(r, func(p pet) (int, any) {
		p.Name = cmp.Or(r.URL.Query().Get("name"), p.Name)
		p.Status = cmp.Or(r.URL.Query().Get("status"), p.Status)
		s.pets[p.ID] = p
		return http.StatusOK, p
	})
}

func (s *shop) deletePet(r *http.Request) (int, any) {
	return s.withPet(r, func(p pet) (int, any) {
		delete(s.pets, p.ID)
		return http.StatusNoContent, nil
	})
}

func (s *shop) uploadImage(r *http.Request) (int, any) {
	size, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		return refuse(http.StatusRequestEntityTooLarge, "reading the picture: %v", err)
	}
	return s.withPet(r, func(p pet) (int, any) {
		p.PhotoURLs = append(p.PhotoURLs, fmt.Sprintf("/pet/%d/images/%d", p.ID, len(p.PhotoURLs)+1))
		s.pets[p.ID] = p
		return http.StatusOK, message{http.StatusOK, "picture", fmt.Sprintf("%d bytes", size)}
	})
}

func (s *shop) inventory(*http.Request) (int, any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := map[string]int{}
	for _, p := range s.pets {
		counts[p.Status]++
	}
	return http.StatusOK, counts
}

func (s *shop) placeOrder(r *http.Request) (int, any) {
	return update(s, r, func(o order) (int, any) {
		if p, ok := s.pets[o.PetID]; !ok || p.Status != "available" {
			return refuse(http.StatusBadRequest, "pet %d is not available", o.PetID)
		}
		s.lastID++
		o.ID, o.Status = s.lastID, "placed"
		s.orders[o.ID] = o
		return http.StatusCreated, o
	})
}

func (s *shop) getOrder(r *http.Request) (int, any) {
	return s.withOrder(r, func(o order) (int, any) { return http.StatusOK, o })
}

func (s *shop) deleteOrder(r *http.Request) (int, any) {
	return s.withOrder(r, func(o order) (int, any) {
		delete(s.orders, o.ID)
		return http.StatusNoContent, nil
	})
}

func (s *shop) withOrder(r *http.Request, use func(order) (int, any)) (int, any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.orders[number(r, "orderId")]
	if !ok {
		return refuse(http.StatusNotFound, "no order %s", r.PathValue("orderId"))
	}
	return use(o)
}

func (s *shop) addUser(r *http.Request) (int, any) {
	return update(s, r, func(u user) (int, any) { return http.StatusCreated, s.keepUser(u) })
}

func (s *shop) addUsers(r *http.Request) (int, any) {
	return update(s, r, func(users []user) (int, any) {
		for _, u := range users {
			s.keepUser(u)
		}
		return http.StatusCreated, nil
	})
}

// keepUser stores a user and gives it as others may see it.
func (s *shop) keepUser(u user) user {
	s.lastID++
	u.ID = cmp.Or(u.ID, s.lastID)
	s.users[u.Username] = u
	return u.public()
}

func (u user) public() user { u.Password = ""; return u }

func (s *shop) login(r *http.Request) (int, any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, password := r.URL.Query().Get("username"), r.URL.Query().Get("password")
	if u, ok := s.users[name]; !ok || u.Password != password {
		return refuse(http.StatusBadRequest, "wrong user name or password")
	}
	return http.StatusOK, "session of " + name
}

func (s *shop) getUser(r *http.Request) (int, any) {
	return s.withUser(r, func(u user) (int, any) { return http.StatusOK, u.public() })
}

func (s *shop) updateUser(r *http.Request) (int, any) {
	return update(s, r, func(u user) (int, any) {
		if _, ok := s.users[r.PathValue("username")]; !ok {
			return refuse(http.StatusNotFound, "no user %s", r.PathValue("username"))
		}
		delete(s.users, r.PathValue("username"))
		return http.StatusOK, s.keepUser(u)
	})
}

func (s *shop) deleteUser(r *http.Request) (int, any) {
	return s.withUser(r, func(u user) (int, any) {
		delete(s.users, u.Username)
		return http.StatusNoContent, nil
	})
}

func (s *shop) withUser(r *http.Request, use func(user) (int, any)) (int, any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ok := s.users[r.PathValue("username")]
	if !ok {
		return refuse(http.StatusNotFound, "no user %s", r.PathValue("username"))
	}
	return use(u)
}
