#include "bank_bindings.hpp"

#include "bank.hpp"
#include "dispatch.hpp"
#include "real_arrays.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace imgfilt {
namespace {

// An array (outer, inner, channel, row, column) as a batch.
template <class A>
Batch batch_of(const A& array) {
    if (array.ndim() != 5) throw std::invalid_argument("a batch has five axes: outer, inner, channel, row, column");
    Batch b;
    b.dtype = real_type(array);
    b.data = first_byte(array);
    b.inner = extent(array, 1);
    b.images = extent(array, 0) * b.inner;
    b.channels = extent(array, 2);
    b.height = extent(array, 3);
    b.width = extent(array, 4);
    b.outer_stride = byte_stride(array, 0);
    b.inner_stride = byte_stride(array, 1);
    b.channel = byte_stride(array, 2);
    b.row = byte_stride(array, 3);
    b.pixel = byte_stride(array, 4);
    if (b.images < 1 || b.channels < 1 || b.height < 1 || b.width < 1) throw std::invalid_argument("an empty batch");
    return b;
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

BankShape shape_of(int64_t kernel_height, int64_t kernel_width, const Pair& stride, const Four& padding,
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
             const Pair& stride, const Four& padding, const Pair& dilation, int64_t groups) {
    if (weight.ndim() != 4) throw std::invalid_argument("weights have four axes");
    const BankShape s = shape_of(static_cast<int64_t>(weight.shape(2)), static_cast<int64_t>(weight.shape(3)), stride,
                                 padding, dilation, groups);
    Call call{s, batch_of(x), batch_of(out), weight.data(), nullptr};
    const Batch &in = call.x, &to = call.out;
    if (in.channels % groups || to.channels % groups || static_cast<int64_t>(weight.shape(0)) != to.channels ||
        static_cast<int64_t>(weight.shape(1)) != in.channels / groups || to.images != in.images ||
        to.height != size_of(in.height, s.top, s.bottom, s.span_y(), s.stride_y) ||
        to.width != size_of(in.width, s.left, s.right, s.span_x(), s.stride_x))
        throw std::invalid_argument("the shapes of input, weights and output do not fit each other");
    if (to.dtype != in.dtype) throw std::invalid_argument("element types differ");
    check_dense(weight, in.dtype);
    call.bias = bias_of(bias, to.channels, in.dtype);
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
Batch sizes_of(const Four& sizes, int64_t itemsize) {
    Batch b;
    std::tie(b.images, b.channels, b.height, b.width) = sizes;
    b.dtype = real_type_of_size(itemsize);
    if (b.images < 1 || b.channels < 1 || b.height < 1 || b.width < 1) throw std::invalid_argument("an empty batch");
    return b;
}

// A backend that takes batches in any layout, and the bytes that it allocates for batches of some sizes.
// `planes`: the planes of its output must have no gaps.
void bind_backend(nb::module_& m, const char* name, decltype(&bank_direct) run, const char* workspace_name,
                  decltype(&bank_direct_workspace) workspace, bool planes = false) {
    m.def(
        name,
        [run, planes](const Input& x, const Input& weight, const std::optional<Input>& bias, const Output& out,
                      const Pair& stride, const Four& padding, const Pair& dilation, int64_t groups, int threads) {
            const Call c = call_of(x, weight, bias, out, stride, padding, dilation, groups);
            if (planes &&
                (c.out.pixel != kSizeOf[static_cast<int>(c.out.dtype)] || c.out.row != c.out.width * c.out.pixel))
                throw std::invalid_argument("the planes of the output must have no gaps");
            nb::gil_scoped_release release;
            run(c.shape, c.x, c.weight, c.bias, c.out, threads);
        },
        "x"_a, "weight"_a, "bias"_a.none(), "out"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a, "threads"_a);
    m.def(
        workspace_name,
        [workspace](const Four& x, const Four& out, const Pair& kernel, const Pair& stride, const Four& padding,
                    const Pair& dilation, int64_t groups, int64_t itemsize, int threads) {
            const BankShape s = shape_of(std::get<0>(kernel), std::get<1>(kernel), stride, padding, dilation, groups);
            return workspace(s, sizes_of(x, itemsize), sizes_of(out, itemsize), threads);
        },
        "x"_a, "out"_a, "kernel"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a, "itemsize"_a, "threads"_a);
}

}  // namespace

void bind_bank(nb::module_& m) {
    bind_backend(m, "bank_direct", bank_direct, "bank_direct_workspace", bank_direct_workspace);
    bind_backend(m, "bank_rows", bank_rows, "bank_rows_workspace", bank_rows_workspace);
    bind_backend(m, "bank_shifted", bank_shifted, "bank_shifted_workspace", bank_shifted_workspace, true);
    m.def(
        "bank_im2win",
        [](int layout, const Input& x, const Input& weight, const std::optional<Input>& bias, const Output& out,
           const Pair& stride, const Four& padding, const Pair& dilation, int64_t groups, int threads) {
            const Call c = call_of(x, weight, bias, out, stride, padding, dilation, groups);
            const Windows windows = windows_of(layout, c.x, c.out);
            nb::gil_scoped_release release;
            bank_im2win(c.shape, windows, c.x, c.weight, c.bias, c.out, threads);
        },
        "layout"_a, "x"_a, "weight"_a, "bias"_a.none(), "out"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a,
        "threads"_a);
    m.def(
        "bank_im2win_workspace",
        [](int layout, const Four& x, const Four& out, const Pair& kernel, const Pair& stride, const Four& padding,
           const Pair& dilation, int64_t groups, int64_t itemsize, int threads) {
            const BankShape s = shape_of(std::get<0>(kernel), std::get<1>(kernel), stride, padding, dilation, groups);
            Batch in = sizes_of(x, itemsize), to = sizes_of(out, itemsize);
            in.inner = to.inner = layout == 3 ? 8 : 1;
            return bank_im2win_workspace(s, windows_of(layout, in, to), in, to, threads);
        },
        "layout"_a, "x"_a, "out"_a, "kernel"_a, "stride"_a, "padding"_a, "dilation"_a, "groups"_a, "itemsize"_a,
        "threads"_a);
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
