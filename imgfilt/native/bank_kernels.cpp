// The table of filter banks' kernels for one instruction set (IMGFILT_ISA). Everything else has internal linkage.
#include "bank_kernels.hpp"

#include "bank_block.hpp"
#include "bank_images.hpp"
#include "bank_plain.hpp"
#include "bank_rows.hpp"
#include "bank_transpose.hpp"

namespace {

template <class T, int V, int Rows, int... C>
constexpr void fill_blocks(imgfilt::BankBlock* to, Lanes<C...>) {
    ((to[C] = bank_block<T, V, Rows, C + 1>), ...);
}

template <class T, class V, int... P>
constexpr void fill_images(imgfilt::ImagesBlock* to, Lanes<P...>) {
    ((to[P] = images_block<T, V, P + 1>), ...);
}

template <class T, int Filters, int... X>
constexpr void fill_rows(imgfilt::BankKernelsOf<T>& found, Lanes<X...>) {
    found.rows_vectors[Filters - 1] = rows_vectors(Filters);
    ((found.rows[Filters - 1][X] = rows_block<T, Filters, X + 1>), ...);
}

template <class T>
constexpr imgfilt::BankKernelsOf<T> table() {
    typedef typename Pick<sizeof(T) == sizeof(float), EightFloats, Vec<T>>::type Few;
    imgfilt::BankKernelsOf<T> found{};
    found.lanes = VectorOf<T>::lanes;
    found.columns = kBlockColumns;
    fill_blocks<T, 1, 1>(found.block[0][0], LanesUpTo<kBlockColumns>::type{});
    fill_blocks<T, 1, 2>(found.block[0][1], LanesUpTo<kBlockColumns / 2>::type{});
    fill_blocks<T, 2, 1>(found.block[1][0], LanesUpTo<kBlockColumns>::type{});
    fill_blocks<T, 2, 2>(found.block[1][1], LanesUpTo<kBlockColumns / 2>::type{});
    found.pixels = kImagesPixels;
    found.few = sizeof(Few) / sizeof(T);
    fill_images<T, Vec<T>>(found.images[0], LanesUpTo<kImagesPixels>::type{});
    fill_images<T, Few>(found.images[1], LanesUpTo<kImagesPixels>::type{});
    fill_rows<T, 1>(found, LanesUpTo<rows_vectors(1)>::type{});
    fill_rows<T, 2>(found, LanesUpTo<rows_vectors(2)>::type{});
    fill_rows<T, 3>(found, LanesUpTo<rows_vectors(3)>::type{});
    fill_rows<T, 4>(found, LanesUpTo<rows_vectors(4)>::type{});
    found.transpose = transpose<T>;
    found.interleave = interleave<T>;
    found.add_shifted = add_shifted<T>;
    found.plain_product = plain_product<T>;
    return found;
}

constexpr imgfilt::BankKernels kTable = {table<float>(), table<double>()};

}  // namespace

#define IMGFILT_PASTE_(a, b) a##b
#define IMGFILT_PASTE(a, b) IMGFILT_PASTE_(a, b)

extern "C" const imgfilt::BankKernels* IMGFILT_PASTE(bank_kernels_, IMGFILT_ISA)();
extern "C" const imgfilt::BankKernels* IMGFILT_PASTE(bank_kernels_, IMGFILT_ISA)() { return &kTable; }
