// What the bindings of filter banks and of transposed convolutions share: arrays of float32 or float64.
#pragma once

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>

#include <optional>
#include <stdexcept>
#include <tuple>

#include "types.hpp"

namespace imgfilt {

using Input = nanobind::ndarray<nanobind::ro, nanobind::device::cpu>;
using Output = nanobind::ndarray<nanobind::device::cpu>;
using Pair = std::tuple<int64_t, int64_t>;
using Four = std::tuple<int64_t, int64_t, int64_t, int64_t>;  // sides, or the sizes of a batch

template <class A>
DType real_type(const A& array) {
    if (array.dtype() == nanobind::dtype<float>()) return DType::f32;
    if (array.dtype() == nanobind::dtype<double>()) return DType::f64;
    throw std::invalid_argument("filter banks and transposed convolutions compute in float32 and float64");
}

inline DType real_type_of_size(int64_t itemsize) { return itemsize == 4 ? DType::f32 : DType::f64; }

inline void check_dense(const Input& array, DType dtype) {
    if (real_type(array) != dtype) throw std::invalid_argument("element types differ");
    int64_t expected = 1;
    for (std::size_t i = array.ndim(); i-- > 0;) {
        if (array.shape(i) != 1 && array.stride(i) != expected) throw std::invalid_argument("the array has gaps");
        expected *= static_cast<int64_t>(array.shape(i));
    }
}

// The bias of so many filters, null where there is none.
inline const void* bias_of(const std::optional<Input>& bias, int64_t filters, DType dtype) {
    if (!bias) return nullptr;
    if (bias->ndim() != 1 || static_cast<int64_t>(bias->shape(0)) != filters)
        throw std::invalid_argument("the bias has one element a filter");
    check_dense(*bias, dtype);
    return bias->data();
}

// An array's sizes, its distances in bytes, and where it begins.
template <class A>
int64_t extent(const A& array, std::size_t axis) {
    return static_cast<int64_t>(array.shape(axis));
}
template <class A>
int64_t byte_stride(const A& array, std::size_t axis) {
    return array.stride(axis) * kSizeOf[static_cast<int>(real_type(array))];
}
template <class A>
char* first_byte(const A& array) {
    return static_cast<char*>(const_cast<void*>(static_cast<const void*>(array.data())));
}

}  // namespace imgfilt
