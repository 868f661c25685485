#include "bank_bindings.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>

#include <optional>
#include <stdexcept>
#include <tuple>

#include "bank.hpp"
#include "dispatch.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace imgfilt {
namespace {

using Input = nb::ndarray<nb::ro, nb::device::cpu>;
using Output = nb::ndarray<nb::device::cpu>;
using Pair = std::tuple<int64_t, int64_t>;
using Sides = std::tuple<int64_t, int64_t, int64_t, int64_t>;

template <class A>
DType real_type(const A& array) {
    if (array.dtype() == nb::dtype<float>()) return DType::f32;
    if (array.dtype() == nb::dtype<double>()) return DType::f64;
    throw std::invalid_argument("filter banks compute in float32 and float64");
}

// An array (outer, inner, channel, row, column) as a batch.
template <class A>
Batch batch_of(const A& array) {
    if (array.ndim() != 5) throw std::invalid_argument("a batch has five axes: outer, inner, channel, row, column");
    Batch b;
    b.dtype = real_type(array);
    const int64_t size = kSizeOf[static_cast<int>(b.dtype)];
    b.data = static_cast<char*>(const_cast<void*>(static_cast<const void*>(array.data())));
    b.inner = static_cast<int64_t>(array.shape(1));
    b.images = static_cast<int64_t>(array.shape(0)) * b.inner;
    b.channels = static_cast<int64_t>(array.shape(2));
    b.height = static_cast<int64_t>(array.shape(3));
    b.width = static_cast<int64_t>(array.shape(4));
    b.outer_stride = array.stride(0) * size;
    b.inner_stride = array.stride(1) * size;
    b.channel = array.stride(2) * size;
    b.row = array.stride(3) * size;
    b.pixel = array.stride(4) * size;
    if (b.images < 1 || b.channels < 1 || b.height < 1 || b.width < 1) throw std::invalid_argument("an empty batch");
    return b;
}

void check_dense(const Input& array) {
    int64_t expected = 1;
    for (std::size_t i = array.ndim(); i-- > 0;) {
        if (array.shape(i) != 1 && array.stride(i) != expected)
            throw std::invalid_argument("weights must have no gaps");
        expected *= static_cast<int64_t>(array.shape(i));
    }
}

struct Call {
    BankShape shape;
    Batch x, out;
    const void *weight, *bias;
};

int64_t size_of(int64_t n, int64_t before, int64_t after, int64_t span, int64_t step) {
    const int64_t room = n + before + after - span;
    return room < 0 ? 0 : room / step + 1;
}

BankShape shape_of(int64_t kernel_height, int64_t kernel_width, const Pair& stride, const Sides& padding,
                   const Pair& dilation, int64_t groups) {
    BankShape s;
    s.kernel_height = kernel_height;
    s.kernel_width = kernel_width;
    std::tie(s.stride_y, s.stride_x) = stride;
    std::tie(s.top, s.bottom, s.left, s.right) = padding;
    std::tie(s.dilation_y, s.dilation_x) = dilation;
    s.groups = groups;
    if (s.kernel_height < 1 || s.kernel_width < 1 || s.stride_y < 1 || s.stride_x < 1 || s.top < 0 || s.bottom < 0 ||
        s.left < 0 || s.right < 0 || s.dilation_y < 1 || s.dilation_x < 1 || groups < 1)
        throw std::invalid_argument("strides, dilations and groups begin at 1, paddings at 0");
    return s;
}

// Everything that the core relies on.
Call call_of(const Input& x, const Input& weight, const std::optional<Input>& bias, const Output& out,
             const Pair& stride, const Sides& padding, const Pair& dilation, int64_t groups) {
    if (weight.ndim() != 4) throw std::invalid_argument("weights have four axes");
    check_dense(weight);
    const BankShape s = shape_of(static_cast<int64_t>(weight.shape(2)), static_cast<int64_t>(weight.shape(3)), stride,
                                 padding, dilation, groups);
    Call call{s, batch_of(x), batch_of(out), weight.data(), bias ? bias->data() : nullptr};
    const Batch &in = call.x, &to = call.out;
    if (in.channels % groups || to.channels % groups || static_cast<int64_t>(weight.shape(0)) != to.channels ||
        static_cast<int64_t>(weight.shape(1)) != in.channels / groups || to.images != in.images ||
        to.height != size_of(in.height, s.top, s.bottom, s.span_y(), s.stride_y) ||
        to.width != size_of(in.width, s.left, s.right, s.span_x(), s.stride_x))
        throw std::invalid_argument("the shapes of input, weights and output do not fit each other");
    if (real_type(weight) != in.dtype || to.dtype != in.dtype) throw std::invalid_argument("element types differ");
    if (bias) {
        if (bias->ndim() != 1 || static_cast<int64_t>(bias->shape(0)) != to.channels || real_type(*bias) != in.dtype)
            throw std::invalid_argument("the bias has one element a filter");
        check_dense(*bias);
    }
    return call;
}

// The number of a layout, for batches that can have it.
Windows windows_of(int layout, const Batch& x, const Batch& out) {
    const int64_t inner = layout == static_cast<int>(Windows::chwn8) ? 8 : 1;
    if (layout < 0 || layout > 3 || x.inner != inner || out.inner != inner)
        throw std::invalid_argument("unknown layout, or a batch of another one");
    return static_cast<Windows>(layout);
}

// Batches of some size without their elements, (images, channels, height, width).
Batch sizes_of(const Sides& sizes, int64_t itemsize) {
    Batch b;
    std::tie(b.images, b.channels, b.height, b.width) = sizes;
    b.dtype = itemsize == 4 ? DType::f32 : DType::f64;
    if (b.images < 1 || b.channels < 1 || b.height < 1 || b.width < 1) throw std::invalid_argument("an empty batch");
    return b;
}

}  // namespace

void bind_bank(nb::module_& m) {
    m.def(
        "bank_direct",
        [](const Input& x, const Input& weight, const std::optional<Input>& bias, const Output& out, const Pair& stride,
           const Sides& padding, const Pair& dilation, int64_t groups, int threads) {
            const Call c = call_of(x, weight, bias, out, stride, padding, dilation, groups);
            nb::gil_scoped_release release;
            bank_direct(c.shape, c.x, c.weight, c.bias, c.out, threads);
        },
        "x"_a, "weight"_a, "bias"_a.none(), "out"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a, "threads"_a);
    m.def(
        "bank_direct_workspace",
        [](const Sides& x, const Sides& out, const Pair& kernel, const Pair& stride, const Sides& padding,
           const Pair& dilation, int64_t groups, int64_t itemsize, int threads) {
            const BankShape s = shape_of(std::get<0>(kernel), std::get<1>(kernel), stride, padding, dilation, groups);
            return bank_direct_workspace(s, sizes_of(x, itemsize), sizes_of(out, itemsize), threads);
        },
        "x"_a, "out"_a, "kernel"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a, "itemsize"_a, "threads"_a);
    m.def(
        "bank_im2win",
        [](int layout, const Input& x, const Input& weight, const std::optional<Input>& bias, const Output& out,
           const Pair& stride, const Sides& padding, const Pair& dilation, int64_t groups, int threads) {
            const Call c = call_of(x, weight, bias, out, stride, padding, dilation, groups);
            const Windows windows = windows_of(layout, c.x, c.out);
            nb::gil_scoped_release release;
            bank_im2win(c.shape, windows, c.x, c.weight, c.bias, c.out, threads);
        },
        "layout"_a, "x"_a, "weight"_a, "bias"_a.none(), "out"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a,
        "threads"_a);
    m.def(
        "bank_im2win_workspace",
        [](int layout, const Sides& x, const Sides& out, const Pair& kernel, const Pair& stride, const Sides& padding,
           const Pair& dilation, int64_t groups, int64_t itemsize, int threads) {
            const BankShape s = shape_of(std::get<0>(kernel), std::get<1>(kernel), stride, padding, dilation, groups);
            Batch in = sizes_of(x, itemsize), to = sizes_of(out, itemsize);
            in.inner = to.inner = layout == 3 ? 8 : 1;
            return bank_im2win_workspace(s, windows_of(layout, in, to), in, to, threads);
        },
        "layout"_a, "x"_a, "out"_a, "kernel"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a, "itemsize"_a,
        "threads"_a);
    m.def(
        "bank_rows",
        [](const Input& x, const Input& weight, const std::optional<Input>& bias, const Output& out, const Pair& stride,
           const Sides& padding, const Pair& dilation, int64_t groups, int threads) {
            const Call c = call_of(x, weight, bias, out, stride, padding, dilation, groups);
            nb::gil_scoped_release release;
            bank_rows(c.shape, c.x, c.weight, c.bias, c.out, threads);
        },
        "x"_a, "weight"_a, "bias"_a.none(), "out"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a, "threads"_a);
    m.def(
        "bank_rows_workspace",
        [](const Sides& x, const Sides& out, const Pair& kernel, const Pair& stride, const Sides& padding,
           const Pair& dilation, int64_t groups, int64_t itemsize, int threads) {
            const BankShape s = shape_of(std::get<0>(kernel), std::get<1>(kernel), stride, padding, dilation, groups);
            return bank_rows_workspace(s, sizes_of(x, itemsize), sizes_of(out, itemsize), threads);
        },
        "x"_a, "out"_a, "kernel"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a, "itemsize"_a, "threads"_a);
    m.def(
        "bank_shifted",
        [](const Input& x, const Input& weight, const std::optional<Input>& bias, const Output& out, const Pair& stride,
           const Sides& padding, const Pair& dilation, int64_t groups, int threads) {
            const Call c = call_of(x, weight, bias, out, stride, padding, dilation, groups);
            if (c.out.pixel != kSizeOf[static_cast<int>(c.out.dtype)] || c.out.row != c.out.width * c.out.pixel)
                throw std::invalid_argument("the planes of the output must have no gaps");
            nb::gil_scoped_release release;
            bank_shifted(c.shape, c.x, c.weight, c.bias, c.out, threads);
        },
        "x"_a, "weight"_a, "bias"_a.none(), "out"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a, "threads"_a);
    m.def(
        "bank_shifted_workspace",
        [](const Sides& x, const Sides& out, const Pair& kernel, const Pair& stride, const Sides& padding,
           const Pair& dilation, int64_t groups, int64_t itemsize, int threads) {
            const BankShape s = shape_of(std::get<0>(kernel), std::get<1>(kernel), stride, padding, dilation, groups);
            return bank_shifted_workspace(s, sizes_of(x, itemsize), sizes_of(out, itemsize), threads);
        },
        "x"_a, "out"_a, "kernel"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a, "itemsize"_a, "threads"_a);
    m.def(
        "plain_product",
        [](const Input& left, const Input& right, const Output& out) {
            const DType type = real_type(left);
            if (left.ndim() != 2 || right.ndim() != 2 || out.ndim() != 2 || real_type(right) != type ||
                real_type(out) != type || left.shape(1) != right.shape(0) || out.shape(0) != left.shape(0) ||
                out.shape(1) != right.shape(1))
                throw std::invalid_argument("the shapes or types of the product's matrices do not fit each other");
            if (left.stride(1) != 1 || right.stride(1) != 1 || out.stride(1) != 1)
                throw std::invalid_argument("rows of matrices must have no gaps");
            const BankKernels& k = *kernels().bank;
            nb::gil_scoped_release release;
            (type == DType::f32 ? k.f32.plain_product : k.f64.plain_product)(
                left.data(), left.stride(0), right.data(), right.stride(0), out.data(), out.stride(0),
                static_cast<int64_t>(left.shape(0)), static_cast<int64_t>(left.shape(1)),
                static_cast<int64_t>(right.shape(1)));
        },
        "left"_a, "right"_a, "out"_a);
}

}  // namespace imgfilt
