package disguise

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"gvisor.dev/gvisor/pkg/sentry/fsimpl/kernfs"
)

// hide takes names out of a folder of kernfs, of which gVisor itself never
// takes any: a map of the names, and a list in the order in which they show.
func hide(in kernfs.Inode, names ...string) error {
	v := reflect.ValueOf(in)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("%T is no struct", in)
	}
	children := v.Elem().FieldByName("OrderedChildren")
	if !children.IsValid() || children.Type() != reflect.TypeFor[kernfs.OrderedChildren]() {
		return fmt.Errorf("%T keeps its names elsewhere", in)
	}
	set, order := open(children.FieldByName("set")), open(children.FieldByName("order"))
	if !set.IsValid() || set.Kind() != reflect.Map || set.Type().Key().Kind() != reflect.String || !order.IsValid() {
		return errors.New("kernfs.OrderedChildren keeps its names elsewhere")
	}
	remove := order.Addr().MethodByName("Remove")
	if !remove.IsValid() || remove.Type().NumIn() != 1 || remove.Type().In(0) != set.Type().Elem() {
		return errors.New("kernfs.OrderedChildren keeps its order elsewhere")
	}
	for _, name := range names {
		key := reflect.ValueOf(name)
		if slot := set.MapIndex(key); slot.IsValid() {
			remove.Call([]reflect.Value{slot})
			set.SetMapIndex(key, reflect.Value{})
		}
	}
	return nil
}

// open is a field that can be changed although it is not exported.
func open(field reflect.Value) reflect.Value {
	if !field.IsValid() || !field.CanAddr() {
		return reflect.Value{}
	}
	return reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem()
}
